"""The options that name a model version and YAMNet on this machine.

A wheel brings both. In a checkout they lie beside the layers.
"""

from __future__ import annotations

from pathlib import Path

import click

import earshot
import earshot_client
from earshot.model.versions import yamnet_folder

INSTALLED = Path(earshot_client.__file__).parent / "models"
MODELS = INSTALLED if INSTALLED.is_dir() else Path(earshot.__file__).parents[4] / "models"

model_option = click.option(
    "--model",
    type=click.Path(path_type=Path),
    default=MODELS / "v1",
    envvar="EARSHOT_MODEL",
    help="Folder of a model version, instead of the one that came with Earshot.",
)
yamnet_option = click.option(
    "--yamnet",
    type=click.Path(path_type=Path),
    envvar="EARSHOT_YAMNET",
    help="Folder of its YAMNet, if that is neither in its folder nor the one of Earshot's.",
)


def yamnet_for(model: Path, yamnet: Path | None) -> Path:
    """Folder of the YAMNet for a version.

    Raises:
        ClickException: one of the two folders does not hold what it should.
    """
    yamnet = yamnet or yamnet_folder(model, MODELS / "yamnet")
    for folder, file in ((model, "manifest.json"), (yamnet, "yamnet.json")):
        if not (folder / file).is_file():
            raise click.ClickException(
                f"There is no {file} in {folder}. Name the folder of a version with --model."
            )
    return yamnet
