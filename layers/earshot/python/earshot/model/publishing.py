"""Publish a version that a retraining did not make, such as that of a new release.

It becomes a version under a name of its content, and serves nothing until it is promoted. Its files
are uploaded to a place of their own first, each under its SHA-256, verified, and copied to where
they belong; the manifest is written last. So the request can be sent again and again: it answers
what is still to be uploaded, and in the end that the version is published.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from earshot.errors import BadRequestError
from earshot.model.models_bucket import yamnet_key
from earshot.model.version_files import CLAIM_NAME, OUTCOME_NAME
from earshot.model.versions import (
    DECISION_NAME,
    MANIFEST_NAME,
    WEIGHTS_MEMBER,
    YAMNET_MEMBER,
    sha256_hex,
)

if TYPE_CHECKING:
    from earshot.model.registry import ModelRegistry
    from earshot.model.staging import Staging

YAMNET = "yamnet.tflite"  # name of the flatbuffer among the files that are to be uploaded
MAX_FILES = 30
FILE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}")
SHA256 = re.compile(r"[0-9a-f]{64}")
# What says how a version came about and fared here is not for its publisher to write.
_OURS = {MANIFEST_NAME, DECISION_NAME, OUTCOME_NAME, CLAIM_NAME, YAMNET}


@dataclass(frozen=True)
class Publication:
    """How far a version is published.

    Attributes:
        version: its name.
        missing: name of each file that is still to be uploaded, and its form; none once the
            version is published.
    """

    version: str
    missing: tuple[tuple[str, dict[str, Any]], ...] = ()


class Publisher:
    """Publishes versions into the registry, from what was uploaded.

    Every method raises `UnavailableError` where S3 fails.
    """

    def __init__(self, registry: ModelRegistry, staging: Staging) -> None:
        self._registry = registry
        self._staging = staging

    def publish(self, released: Mapping[str, Any], yamnet_sha256: str) -> Publication:
        """Publish a version, or say which of its files are to be uploaded before.

        Args:
            released: its manifest.
            yamnet_sha256: of the YAMNet flatbuffer that it was trained with.

        Raises:
            BadRequestError: the manifest is none, or names files that it may not.
            ConflictError: there is another version of this name.
        """
        _check(released)
        manifest = {**released, YAMNET_MEMBER: yamnet_sha256}
        version = f"v-{sha256_hex(json.dumps(manifest, sort_keys=True).encode())[:12]}"
        manifest |= {"version": version, "released_as": released["version"]}
        missing = []
        if not self._registry.exists(yamnet_key(yamnet_sha256)):
            flatbuffer = self._staging.read(yamnet_sha256)
            if flatbuffer is None:
                missing.append((YAMNET, self._staging.form(yamnet_sha256)))
            else:
                self._registry.keep_yamnet(flatbuffer)
        for name, sha256 in released["files"].items():
            if self._registry.has_file(version, name):
                continue
            file = self._staging.read(sha256)
            if file is None:
                missing.append((name, self._staging.form(sha256)))
            else:
                self._registry.add_file(version, name, file)
        if missing:
            return Publication(version, tuple(missing))
        content = json.dumps(manifest, indent=2).encode()
        self._registry.add_file(version, MANIFEST_NAME, content)
        return Publication(version)


def _check(manifest: Mapping[str, Any]) -> None:
    """Check a manifest as far as this concerns; classify checks whether it can be served."""
    try:
        files = manifest["files"]
        names = all(FILE_NAME.fullmatch(name) for name in files)
        digests = all(SHA256.fullmatch(sha256) for sha256 in files.values())
        texts = isinstance(manifest[WEIGHTS_MEMBER], str) and isinstance(manifest["version"], str)
    except (KeyError, TypeError, AttributeError) as error:
        raise BadRequestError(f"This is no manifest of a model version: {error!r}") from error
    if not (names and digests and texts and 0 < len(files) <= MAX_FILES):
        raise BadRequestError("The manifest does not name its files by name and SHA-256.")
    if ours := sorted(_OURS & files.keys()):
        raise BadRequestError(
            f"The version holds {', '.join(ours)}: it comes from a retraining of another stack. "
            "Publish a version that `make train` wrote."
        )
