"""The commands about model versions: look at them, publish or promote one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click
from rich.table import Table

from earshot.model.versions import yamnet_folder
from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import as_json, explained
from earshot_client.cli.output import console, print_json

Connect = Callable[[], EarshotClient]


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
    help="Folder of the YAMNet it was trained with; by default the one in FOLDER, or beside it.",
)
@as_json
@click.pass_obj
@explained
def publish(connect: Connect, folder: Path, yamnet: Path | None, as_json: bool) -> None:
    """Publish the version in FOLDER, such as a new release's, with its YAMNet.

    It serves nothing until it is promoted. What is published already is not uploaded again.
    """
    yamnet = yamnet or yamnet_folder(folder, folder.resolve().parent / "yamnet")
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
