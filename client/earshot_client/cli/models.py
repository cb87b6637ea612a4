"""The commands about models: retrain, and look at versions or promote one."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.progress import TimeElapsedColumn
from rich.table import Table

from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import as_json, explained, file_argument
from earshot_client.cli.output import console, print_json, progress

POLL_S = 1.0

Connect = Callable[[], EarshotClient]


@click.command()
@click.argument("files", nargs=-1, type=file_argument)
@click.option("--prefix", help="Folder of clips to train on, within training/; by default all.")
@click.option("--reason", default="", help="Why; recorded with the version.")
@click.option("--wait/--no-wait", default=True, help="Watch it until it ends.")
@as_json
@click.pass_obj
@explained
def retrain(
    connect: Connect,
    files: tuple[Path, ...],
    prefix: str | None,
    reason: str,
    wait: bool,
    as_json: bool,
) -> None:
    """Train a candidate on labeled clips and corrections; promote it if it passes the gate.

    FILES are WAVs named <label>_..., of 4.5 MB in all. Without any, the clips under
    training/ in the uploads bucket are used.

    The exit status is 0 if the candidate was promoted (with --no-wait: if it was started), else 1.
    """
    if files and prefix:
        raise click.UsageError("Either FILES or --prefix, not both.")
    client = connect()
    if files:
        run = client.retrain_on([(path.name, path.read_bytes()) for path in files], reason)
    else:
        run = client.retrain(reason=reason, **({"prefix": prefix} if prefix else {}))
    stands = watch(client, run) if wait else client.retraining(run)
    if as_json:
        print_json(stands)
    else:
        console.print(f"{run} {stands['state']} {stands['version'] or ''}".rstrip())
        for why in stands["reasons"]:
            console.print(why)
        if not wait:
            console.print(f"Where it stands: GET /retrain/{run}")
    if wait and stands["state"] != "promoted":
        raise click.ClickException(f"No new model serves: {run} was not promoted.")


def watch(client: EarshotClient, run: str) -> dict[str, Any]:
    """Where a retraining stands once it has ended."""
    with progress(TimeElapsedColumn()) as bar:
        task = bar.add_task("retraining", total=1.0)
        while (stands := client.retraining(run))["state"] == "running":
            step = stands["step"] or "starting"
            bar.update(task, description=step, completed=stands["embedded"])
            time.sleep(POLL_S)
    return stands


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
@explained
def models(context: click.Context, as_json: bool) -> None:
    """List model versions; a star marks the champion."""
    if context.invoked_subcommand:
        return
    connect: Connect = context.obj
    found = connect().models()
    if as_json:
        print_json(found)
        return
    table = Table("", "version", "parent", "status", "macro F1", "created", box=None)
    for model in found:
        macro_f1 = "" if model["macro_f1"] is None else f"{model['macro_f1']:.3f}"
        star = "*" if model["champion"] else ""
        words = (model["version"], model["parent"], model["status"], macro_f1, model["created"])
        table.add_row(star, *(word or "" for word in words))
    console.print(table)


@models.command()
@click.argument("version")
@as_json
@click.pass_obj
@explained
def show(connect: Connect, version: str, as_json: bool) -> None:
    """Show a version: the gate's checks and its promotions."""
    model = connect().model(version)
    if as_json:
        print_json(model)
        return
    table = Table(box=None, show_header=False)
    for name in ("version", "parent", "status", "created", "macro_f1", "accuracy"):
        table.add_row(name.replace("_", " "), "" if model[name] is None else str(model[name]))
    table.add_row("champion", "yes" if model["champion"] else "no")
    for check in (model["decision"] or {}).get("checks", []):
        table.add_row("passed" if check["passed"] else "failed", check["name"])
    for promotion in model["promotions"]:
        table.add_row(
            "promoted", f"{promotion['promoted_at']} by {promotion['promoted_by']}: "
            f"{promotion['reason']}",
        )  # fmt: skip
    console.print(table)


@models.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--yamnet",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Folder of the YAMNet that it was trained with; by default the one beside FOLDER.",
)
@as_json
@click.pass_obj
@explained
def publish(connect: Connect, folder: Path, yamnet: Path | None, as_json: bool) -> None:
    """Publish the version in FOLDER, such as a new release's, with its YAMNet.

    It serves nothing until it is promoted. What is published already is not uploaded again.
    """
    yamnet = yamnet or folder.resolve().parent / "yamnet"
    manifest, flatbuffer = folder / "manifest.json", yamnet / "yamnet.tflite"
    try:
        weights = json.loads(manifest.read_text())["yamnet_weights_sha256"]
        own = json.loads((yamnet / "yamnet.json").read_text())["weights_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise click.ClickException(
            f"{folder} holds no model version, or {yamnet} no YAMNet: {error}"
        ) from error
    if weights != own:
        raise click.ClickException(f"{folder} was trained with another YAMNet than {yamnet}.")
    version = connect().publish_model(folder, flatbuffer)
    if as_json:
        print_json({"version": version})
        return
    console.print(version)
    console.print(
        f"It serves nothing yet: earshot models promote {version} --force --reason ...", style="dim"
    )


@models.command()
@click.argument("version")
@click.option("--reason", required=True, help="Why; recorded.")
@click.option("--force", is_flag=True, help="Also if the gate did not let it pass.")
@as_json
@click.pass_obj
@explained
def promote(connect: Connect, version: str, reason: str, force: bool, as_json: bool) -> None:
    """Make a version the champion, also for a rollback."""
    promotion = connect().promote(version, reason, force=force)
    if as_json:
        print_json(promotion)
        return
    console.print(f"{version} is the champion; new results name it within a minute.")
