"""The held-out set of a version: what candidates and champions are evaluated on."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from earshot.retraining.plan import EVERYDAY, RELEASED
from training.data.clip_features import ClipFeatures, concatenate, read_npz

if TYPE_CHECKING:
    from training.data.grouping import Split

HELD_OUT_NAME = "heldout.npz"


@dataclass(frozen=True)
class HeldOut:
    """Held-out clips.

    Attributes:
        features: of the clips.
        confirmed: ``(clips,)`` which labels are confirmed.
        recordings: ``(clips,)`` numbers of recording groups.
        everyday_hours: hours of everyday sound that its segments stand for: of a release's hours,
            those segments are kept that its version scores highest, and nothing else of them
            comes near an alert.
    """

    features: ClipFeatures
    confirmed: NDArray[np.bool_]
    recordings: NDArray[np.int64]
    everyday_hours: float = 0.0

    @classmethod
    def nothing(cls) -> Self:
        """No clip at all."""
        return cls(concatenate([]), np.empty(0, bool), np.empty(0, np.int64))

    @classmethod
    def of_split(cls, parts: Split, everyday_hours: float) -> Self:
        """The clips that a split holds out."""
        groups = [parts.groups[clip.sha256] for clip in parts.held_out.clips]
        return cls(parts.held_out, parts.established, np.array(groups, np.int64), everyday_hours)

    @classmethod
    def from_npz(cls, content: bytes | None) -> Self:
        """Of a version's ``heldout.npz``; nothing if the version has none."""
        if content is None:
            return cls.nothing()
        features, notes = read_npz(content)
        return cls(
            features,
            np.array(notes["established"], bool),
            np.array(notes["recordings"], np.int64),
            float(notes.get("everyday_hours", 0.0)),
        )

    def to_npz(self) -> bytes:
        """As ``heldout.npz``."""
        return self.features.to_npz(
            established=self.confirmed.tolist(),
            recordings=self.recordings.tolist(),
            everyday_hours=self.everyday_hours,
        )

    def __len__(self) -> int:
        return len(self.features)

    @property
    def everyday(self) -> NDArray[np.bool_]:
        """Which are segments of everyday sound, ``(clips,)``."""
        return self._begin_with(EVERYDAY)

    @property
    def released(self) -> NDArray[np.bool_]:
        """Which came with a released version, ``(clips,)``."""
        return self._begin_with(RELEASED)

    def counts(self) -> dict[str, int]:
        """Clips of each label, without segments of everyday sound: the manifest has them."""
        return Counter(
            str(clip.label) for clip in self.features.clips if not clip.key.startswith(EVERYDAY)
        )

    def select(self, chosen: NDArray[np.bool_]) -> Self:
        """The clips for which `chosen`, ``(clips,)``, is true."""
        return type(self)(
            self.features.select(chosen),
            self.confirmed[chosen],
            self.recordings[chosen],
            self.everyday_hours,
        )

    def _begin_with(self, prefix: str) -> NDArray[np.bool_]:
        return np.array([clip.key.startswith(prefix) for clip in self.features.clips], bool)
