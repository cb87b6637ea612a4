"""The commands for feedback and for what it mutes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click
from rich.table import Table

from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import as_json, explained, label_choice
from earshot_client.cli.output import console, print_json

Connect = Callable[[], EarshotClient]


@click.command()
@click.argument("clip_id")
@click.argument("label", type=label_choice)
@click.option("--comment", default="", help="Comment, kept with the feedback.")
@click.option(
    "--mute-alike",
    is_flag=True,
    help="Mute what sounds like it at the clip's source for a while; with casual only.",
)
@as_json
@click.pass_obj
@explained
def feedback(
    connect: Connect, clip_id: str, label: str, comment: str, mute_alike: bool, as_json: bool
) -> None:
    """Confirm or correct the label of a result."""
    if mute_alike and label != "casual":
        raise click.UsageError("--mute-alike goes with casual: threats are not muted.")
    answer = connect().feedback(clip_id, label, comment, mute_alike=mute_alike)
    if as_json:
        print_json(answer)
        return
    console.print(f"{clip_id} {answer['feedback'][-1]['verdict']}: {label}")
    if answer["training_key"]:
        console.print(f"The next retraining trains on {answer['training_key']}.")
    if answer.get("mute"):
        console.print(f"{_muted(answer['mute'])} To undo that: earshot unmute {clip_id}")


@click.command()
@click.option("--source", help="Camera or site.")
@as_json
@click.pass_obj
@explained
def mutes(connect: Connect, source: str | None, as_json: bool) -> None:
    """Show sounds that raise no alert, newest first."""
    found = list(connect().mutes(source))
    if as_json:
        print_json(found)
        return
    table = Table("source", "labels", "until", "by", box=None)
    table.add_column("clip", no_wrap=True)
    for mute in found:
        labels = ", ".join(mute["labels"])
        table.add_row(mute["source"], labels, mute["expires_at"], mute["by"], mute["clip_id"])
    console.print(table)


@click.command()
@click.argument("clip_id")
@as_json
@click.pass_obj
@explained
def unmute(connect: Connect, clip_id: str, as_json: bool) -> None:
    """Let sounds like that of a clip raise alerts again."""
    mute = connect().unmute(clip_id)
    if as_json:
        print_json(mute)
        return
    labels = " or ".join(mute["labels"])
    console.print(f"What sounds like it raises alerts at {mute['source']} again, as {labels}.")


def _muted(mute: dict[str, Any]) -> str:
    labels = " or ".join(mute["labels"])
    return (
        f"What sounds like it raises no alert at {mute['source']} as {labels}, "
        f"until {mute['expires_at']}."
    )
