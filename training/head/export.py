"""Write a model version as serving reads it."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS
from earshot.model.loading import FORMAT, HEAD_NAME
from earshot.model.versions import MANIFEST_NAME, METRICS_NAME, sha256_hex
from earshot.times import format_time
from earshot.yamnet.flatbuffer import N_EMBEDDING
from training.head.experts import MeanAndMaximum

KERAS_NAME = "head.keras"
# What a retraining that goes on from a version replays, and what it must not be judged by.
REPLAY_NAME = "replay.npz"
DATASET_NAME = "dataset.json"


def write_version(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    networks: Mapping[str, keras.Model],
    metrics: Mapping[str, Any],
    files: Mapping[str, bytes],
    **members: Any,
) -> None:
    """Write ``head.npz``, ``head.keras``, ``metrics.json`` and the manifest that vouches for them.

    Args:
        folder: of the version; its name is the version's.
        arrays: the head as served.
        networks: the experts as trained, before batch norm was folded in.
        metrics: as measured on clips that were held out.
        files: more of the version's files, by name.
        members: further members of the manifest: parent, parameters, data, calibration.
    """
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]  # its stub takes them for options
    contents = {
        HEAD_NAME: buffer.getvalue(),
        METRICS_NAME: (json.dumps(metrics, indent=2) + "\n").encode(),
        **files,
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    _all(networks).save(folder / KERAS_NAME)
    contents[KERAS_NAME] = (folder / KERAS_NAME).read_bytes()
    manifest = {
        "format": FORMAT,
        "version": folder.name,
        "created": format_time(datetime.now(UTC)),
        "labels": list(LABELS),
        "files": {name: sha256_hex(content) for name, content in sorted(contents.items())},
        **members,
    }
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n")


def read_networks(content: bytes) -> dict[str, keras.Model]:
    """The experts' networks in a ``head.keras``, such as ``embedding_0``."""
    with tempfile.NamedTemporaryFile(suffix=".keras") as file:
        file.write(content)
        file.flush()
        model = keras.models.load_model(
            file.name, {"earshot>MeanAndMaximum": MeanAndMaximum}, compile=False, safe_mode=True
        )
    networks: dict[str, keras.Model] = {}
    for layer in model.layers:
        if isinstance(layer, keras.Sequential):
            expert = "embedding" if layer.input_shape[-1] == N_EMBEDDING else "score"
            number = sum(name.startswith(expert) for name in networks)
            networks[f"{expert}_{number}"] = layer
    return networks


def _all(networks: Mapping[str, keras.Model]) -> keras.Model:
    """One network with an input and an output for each, so that one file holds them all."""
    inputs = {
        name: keras.Input(network.input_shape[1:], name=name) for name, network in networks.items()
    }
    return keras.Model(inputs, {name: networks[name](inputs[name]) for name in networks})
