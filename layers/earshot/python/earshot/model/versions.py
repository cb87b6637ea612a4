"""Model versions, and the pointer to the one that serves.

Apart from `earshot.model.loading`, so that functions which only administer versions need no numpy.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from earshot.times import format_time, parse_time

MANIFEST_NAME = "manifest.json"
HEAD_NAME = "head.npz"
MAX_YAMNET_BYTES = 64 * 2**20  # ten times what it has; classify reads it into memory
METRICS_NAME = "metrics.json"
DECISION_NAME = "decision.json"

# Members of a manifest: SHA-256 of the YAMNet flatbuffer that the head was trained with, and
# identity of its weights. A version that came with the software names the weights alone, since the
# flatbuffer is converted where the software is built.
YAMNET_MEMBER, WEIGHTS_MEMBER = "yamnet_sha256", "yamnet_weights_sha256"

# ``v7`` of a retraining, ``v-0123456789ab`` of a release that was published.
VERSION_PATTERN = r"v([1-9][0-9]{0,8}|-[0-9a-f]{12})"


def sha256_hex(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def yamnet_folder(version: Path, bundled: Path) -> Path:
    """Folder of the YAMNet that the version in a folder runs on.

    Args:
        version: folder of the version; `make train` writes its YAMNet into it.
        bundled: folder of the YAMNet that came with the software, for versions without their own.
    """
    own = version / "yamnet"
    return own if own.is_dir() else bundled


@dataclass(frozen=True)
class Champion:
    """The version that serves, and the SHA-256 its manifest must have."""

    version: str
    manifest_sha256: str


@dataclass(frozen=True)
class Promotion:
    """How a version became champion.

    Attributes:
        version: that became champion.
        manifest_sha256: of its manifest.
        promoted_at: when it became champion.
        promoted_by: person or state machine.
        reason: for the record.
        forced: it had not passed the gate.
    """

    version: str
    manifest_sha256: str
    promoted_at: datetime
    promoted_by: str
    reason: str
    forced: bool = False

    @property
    def champion(self) -> Champion:
        """The version and its manifest's SHA-256."""
        return Champion(self.version, self.manifest_sha256)

    def to_json(self) -> dict[str, Any]:
        """JSON object, as in the champion pointer and the API."""
        return {**asdict(self), "promoted_at": format_time(self.promoted_at)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Promotion:
        """Promotion of its JSON object.

        Raises:
            KeyError: there is no time.
            TypeError: a field is missing or unknown, or version or digest is no text.
            ValueError: the time is not one.
        """
        promotion = cls(**{**document, "promoted_at": parse_time(document["promoted_at"])})
        if not isinstance(promotion.version, str) or not isinstance(promotion.manifest_sha256, str):
            raise TypeError("a promotion names its version and the SHA-256 of its manifest")
        return promotion


@dataclass(frozen=True)
class Pointer:
    """The champion pointer as it was read.

    Attributes:
        etag: of the document; a change is made on condition that it still has it.
        history: promotions, newest first; the first is the champion's.
        requests: the promotion, by its time, that a request led to, by the request's key.
    """

    etag: str
    history: tuple[Promotion, ...]
    requests: Mapping[str, str] = field(default_factory=dict)

    @property
    def champion(self) -> Champion:
        """The version that serves."""
        return self.history[0].champion

    def promotion_of(self, request: str) -> Promotion | None:
        """The promotion that a request led to; None if it led to none, or is long ago."""
        made = (
            one
            for one in self.history
            if format_time(one.promoted_at) == self.requests.get(request)
        )
        return next(made, None)


@dataclass(frozen=True)
class Version:
    """A finished model version.

    Attributes:
        name: such as ``v2``.
        manifest_sha256: of its manifest.
        manifest: as published.
        metrics: as measured on held-out clips; empty where none were kept.
        decision: of the gate; None for a version that has not been through it.
        outcome: how its retraining ended; None for a version that came otherwise.
    """

    name: str
    manifest_sha256: str
    manifest: dict[str, Any]
    metrics: dict[str, Any]
    decision: dict[str, Any] | None
    outcome: dict[str, Any] | None
