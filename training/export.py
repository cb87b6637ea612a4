"""Write a model version as serving reads it."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import keras
import numpy as np

from earshot.labels import LABELS
from earshot.model import FORMAT, HEAD_NAME, MANIFEST_NAME, sha256_hex


def write_version(
    folder: Path,
    network: keras.Model,
    arrays: dict[str, np.ndarray],
    metrics: dict[str, Any],
    **members: Any,
) -> None:
    """Write ``head.npz``, ``head.keras``, ``metrics.json`` and the manifest that vouches for them.

    Args:
        folder: of the version; its name is the version's.
        network: the head as trained.
        arrays: the head as served.
        metrics: as measured on held-out clips.
        members: further members of the manifest: parameters, data, parent.
    """
    folder.mkdir(parents=True, exist_ok=True)
    network.save(folder / "head.keras")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    (folder / HEAD_NAME).write_bytes(buffer.getvalue())
    (folder / "metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    files = {
        name: sha256_hex((folder / name).read_bytes())
        for name in (HEAD_NAME, "head.keras", "metrics.json")
    }
    manifest = {
        "format": FORMAT,
        "version": folder.name,
        "created": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "labels": list(LABELS),
        "files": files,
        **members,
    }
    (folder / MANIFEST_NAME).write_text(json.dumps(manifest, indent=2) + "\n")
