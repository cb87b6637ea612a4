"""A model version: the head and its manifest, verified before anything of it is parsed.

Trust runs from the champion pointer to the manifest (by SHA-256) to each file (by SHA-256 in the
manifest). Arrays are loaded with ``allow_pickle=False``: a model file cannot run code.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zipfile import BadZipFile

import numpy as np

from earshot.errors import EarshotError, ModelError
from earshot.labels import LABELS
from earshot.model.head import Head
from earshot.model.reference import Reference
from earshot.model.versions import HEAD_NAME, MANIFEST_NAME, WEIGHTS_MEMBER, sha256_hex

FORMAT = 4  # of manifest and head; raised when older software could not serve newer models
READABLE_FORMATS = (3, FORMAT)


@dataclass(frozen=True)
class Model:
    """A loaded model version.

    Attributes:
        version: such as ``v1``.
        sha256: of the manifest, and so of the whole version.
        head: ready to score patches.
        manifest: as published: hashes, parent, parameters, data.
        reference: of what it was trained with; None for a version that has none.
    """

    version: str
    sha256: str
    head: Head
    manifest: dict[str, Any]
    reference: Reference | None = None


def load_model(
    read: Callable[[str], bytes],
    yamnet_weights_sha256: str | None,
    manifest_sha256: str | None = None,
) -> Model:
    """Verify and load a model version.

    Args:
        read: gives the content of one of the version's files by name.
        yamnet_weights_sha256: of the YAMNet that will feed the head; None where the manifest says
            which one will.
        manifest_sha256: that the manifest must have; None for the model inside the image, which no
            pointer names.

    Raises:
        ModelError: a hash does not match, the model does not fit this software or YAMNet, or
            anything else is wrong with its files.
        UnavailableError: the files could not be read; trying again may help.
    """
    try:
        return _load(read, yamnet_weights_sha256, manifest_sha256)
    except EarshotError:
        raise
    except Exception as error:  # of any kind: what is in a file must not stop what serves
        raise ModelError(f"the version cannot be loaded: {error!r}") from error


def _load(
    read: Callable[[str], bytes], yamnet_weights_sha256: str | None, manifest_sha256: str | None
) -> Model:
    manifest_bytes = read(MANIFEST_NAME)
    digest = sha256_hex(manifest_bytes)
    if manifest_sha256 not in (None, digest):
        raise ModelError(f"{MANIFEST_NAME} has SHA-256 {digest}, not {manifest_sha256}")
    manifest = json.loads(manifest_bytes)
    if not isinstance(manifest, dict) or not isinstance(manifest.get("version"), str):
        raise ModelError(f"{MANIFEST_NAME} names no version")
    _check_fits(manifest, yamnet_weights_sha256)
    head_bytes = read(HEAD_NAME)
    if sha256_hex(head_bytes) != manifest["files"][HEAD_NAME]:
        raise ModelError(f"{HEAD_NAME} of {manifest['version']} is not the one its manifest names")
    try:
        with np.load(io.BytesIO(head_bytes), allow_pickle=False) as archive:
            arrays = dict(archive)
        head, reference = Head.from_arrays(arrays), Reference.from_arrays(arrays)
    except (ValueError, BadZipFile) as error:
        raise ModelError(f"{HEAD_NAME} of {manifest['version']} cannot be read: {error}") from error
    return Model(manifest["version"], digest, head, manifest, reference)


def _check_fits(manifest: dict[str, Any], yamnet_weights_sha256: str | None) -> None:
    if manifest.get("format") not in READABLE_FORMATS:
        readable = " or ".join(map(str, READABLE_FORMATS))
        raise ModelError(f"the model's format is {manifest.get('format')}, not {readable}")
    if tuple(manifest["labels"]) != LABELS:
        raise ModelError(
            f"the model's labels are {manifest['labels']}, not {list(LABELS)}; docs/labels.md says "
            "what another label takes"
        )
    if yamnet_weights_sha256 not in (None, manifest[WEIGHTS_MEMBER]):
        raise ModelError("the model was trained on the embeddings of other YAMNet weights")
