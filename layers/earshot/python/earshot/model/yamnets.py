"""The YAMNet that each version was trained with: the bundled one, or one from the models bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from earshot.errors import ModelError
from earshot.model.versions import WEIGHTS_MEMBER, YAMNET_MEMBER
from earshot.yamnet.flatbuffer import Yamnet


class Yamnets:
    """Gives each version its YAMNet, and keeps the last one that is not bundled.

    Args:
        bundled: came with the software.
        read: a flatbuffer by its SHA-256, verified; see `VersionFiles.read_yamnet`.
    """

    def __init__(self, bundled: Yamnet, read: Callable[[str], bytes]) -> None:
        self.bundled = bundled
        self._read = read
        self._other: Yamnet | None = None

    def of(self, manifest: Mapping[str, Any] | None) -> Yamnet:
        """The YAMNet of a version; of none at all the bundled one.

        Args:
            manifest: of the version, or its entry for YAMNet.

        Raises:
            ModelError: the flatbuffer is missing or altered, or the version names none and was
                trained with other weights than the bundled ones.
            UnavailableError: the flatbuffer could not be read; trying again may help.
        """
        if manifest is None:
            return self.bundled
        sha256, weights = manifest.get(YAMNET_MEMBER), manifest[WEIGHTS_MEMBER]
        if sha256 in (None, self.bundled.sha256):
            if weights != self.bundled.weights_sha256:
                raise ModelError("the model was trained on the embeddings of other YAMNet weights")
            return self.bundled
        if self._other is None or self._other.sha256 != sha256:
            self._other = self.bundled.of_flatbuffer(self._read(sha256), weights)
        return self._other
