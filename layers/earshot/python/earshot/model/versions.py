"""Model versions, and the pointer to the one that serves.

Apart from `earshot.model.loading`, so that functions which only administer versions need no numpy.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

MANIFEST_NAME = "manifest.json"
METRICS_NAME = "metrics.json"
DECISION_NAME = "decision.json"


def sha256_hex(content: bytes) -> str:
    """SHA-256 as 64 hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


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
        promoted_at: ISO 8601, UTC.
        promoted_by: person or state machine.
        reason: in that one's words.
        forced: the gate had not let it pass.
    """

    version: str
    manifest_sha256: str
    promoted_at: str
    promoted_by: str
    reason: str
    forced: bool = False

    @property
    def champion(self) -> Champion:
        """The version, and what vouches for it."""
        return Champion(self.version, self.manifest_sha256)


@dataclass(frozen=True)
class Pointer:
    """The champion pointer as it was read.

    Attributes:
        etag: of the document; a change is made on condition that it still has it.
        history: promotions, newest first; the first is the champion's.
    """

    etag: str
    history: tuple[Promotion, ...]

    @property
    def champion(self) -> Champion:
        """The version that serves."""
        return self.history[0].champion


@dataclass(frozen=True)
class Version:
    """A finished model version.

    Attributes:
        name: such as ``v2``.
        manifest_sha256: of its manifest.
        manifest: as published.
        metrics: as measured on held-out clips; empty where none were kept.
        decision: what the gate said of it; None for a version that no gate has seen.
        outcome: how its retraining ended; None for a version that came otherwise.
    """

    name: str
    manifest_sha256: str
    manifest: dict[str, Any]
    metrics: dict[str, Any]
    decision: dict[str, Any] | None
    outcome: dict[str, Any] | None
