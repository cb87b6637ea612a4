"""Write a model version as serving reads it."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS
from earshot.model import FORMAT, HEAD_NAME, MANIFEST_NAME, sha256_hex

KERAS_NAME = "head.keras"
METRICS_NAME = "metrics.json"


def write_version(
    folder: Path,
    arrays: Mapping[str, NDArray[Any]],
    networks: Mapping[str, keras.Model],
    metrics: Mapping[str, Any],
    **members: Any,
) -> None:
    """Write ``head.npz``, ``head.keras``, ``metrics.json`` and the manifest that vouches for them.

    Args:
        folder: of the version; its name is the version's.
        arrays: the head as served.
        networks: the experts as trained, before batch norm was folded in.
        metrics: as measured on clips that were held out.
        members: further members of the manifest: parent, parameters, data, calibration.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _both(networks).save(folder / KERAS_NAME)
    buffer = io.BytesIO()
    np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]  # its stub takes them for options
    (folder / HEAD_NAME).write_bytes(buffer.getvalue())
    (folder / METRICS_NAME).write_text(json.dumps(metrics, indent=2) + "\n")
    names = (HEAD_NAME, KERAS_NAME, METRICS_NAME)
    manifest = {
        "format": FORMAT,
        "version": folder.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "labels": list(LABELS),
        "files": {name: sha256_hex((folder / name).read_bytes()) for name in names},
        **members,
    }
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n")


def _both(networks: Mapping[str, keras.Model]) -> keras.Model:
    """One network with an input and an output for each expert, so that one file holds both."""
    inputs = {
        name: keras.Input(network.input_shape[1:], name=name) for name, network in networks.items()
    }
    return keras.Model(inputs, {name: networks[name](inputs[name]) for name in networks})
