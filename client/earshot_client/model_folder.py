"""A model version that lies in a folder on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from earshot.classification.classifier import Classifier
from earshot.model.loading import load_model
from earshot.yamnet.flatbuffer import Yamnet


def classifier_of(model_dir: Path, yamnet: Yamnet) -> Classifier:
    """Classifier of a model version in a folder and its YAMNet.

    Raises:
        ModelError: the model is altered or does not fit.
    """
    return Classifier(yamnet, load_model(folder_reader(model_dir), yamnet.weights_sha256))


def folder_reader(folder: Path) -> Callable[[str], bytes]:
    """Function that reads a file of a folder by name."""
    return lambda name: (folder / name).read_bytes()
