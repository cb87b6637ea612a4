"""The options that name a model version and YAMNet on this machine."""

from __future__ import annotations

from pathlib import Path

import click

import earshot

# In a checkout, the models lie beside the layers; else one may be in a checkout.
CHECKOUT = Path(earshot.__file__).parents[4]
MODELS = (CHECKOUT if (CHECKOUT / "models").is_dir() else Path()) / "models"

model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=MODELS / "v1",
    envvar="EARSHOT_MODEL",
    help="Folder of a model version.",
)
yamnet_option = click.option(
    "--yamnet",
    type=click.Path(path_type=Path),
    default=MODELS / "yamnet",
    envvar="EARSHOT_YAMNET",
    help="Folder of the converted YAMNet.",
)


def require(model: Path, yamnet: Path) -> None:
    """Raise `ClickException` unless both folders hold what they should."""
    for folder, file in ((model, "manifest.json"), (yamnet, "yamnet.json")):
        if not (folder / file).is_file():
            raise click.ClickException(
                f"There is no {file} in {folder}. Run this in a checkout of Earshot, after "
                "`make setup`, or name folders with --model and --yamnet."
            )
