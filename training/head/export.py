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
from earshot.model.loading import FORMAT
from earshot.model.versions import HEAD_NAME, MANIFEST_NAME, METRICS_NAME, sha256_hex
from earshot.times import format_time
from training.head.network import CUSTOM_LAYERS

KERAS_NAME = "head.keras"
# What a retraining that goes on from a version replays, and what it must not be evaluated on.
REPLAY_NAME = "replay.npz"
DATASET_NAME = "dataset.json"


def write_version(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    network: keras.Model,
    metrics: Mapping[str, Any],
    files: Mapping[str, bytes],
    **members: Any,
) -> None:
    """Write ``head.npz``, ``head.keras``, ``metrics.json`` and the manifest with their hashes.

    Args:
        folder: of the version; its name is the version's.
        arrays: the head as served.
        network: as trained, before batch norm was folded in.
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
    network.save(folder / KERAS_NAME)
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


def compact_json(value: Any) -> bytes:
    """JSON without white space: `dataset.json` names thousands of clips."""
    return json.dumps(value, separators=(",", ":")).encode()


def read_network(content: bytes) -> keras.Model:
    """The network of a ``head.keras``."""
    with tempfile.NamedTemporaryFile(suffix=".keras") as file:
        file.write(content)
        file.flush()
        return keras.models.load_model(file.name, CUSTOM_LAYERS, compile=False, safe_mode=True)
