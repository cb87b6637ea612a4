"""Embeddings and AudioSet scores of many clips: what heads are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from earshot.labels import Label
from earshot.yamnet.embedding import EmbeddedPatches

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
UNKNOWN = -1  # of a patch in a clip with an event at an unknown time


@dataclass(frozen=True)
class FeatureSet:
    """Patches of many clips, one clip after the other.

    Attributes:
        embeddings: ``(patches, 1024)``.
        scores: ``(patches, 521)``.
        lengths: ``(clips,)`` patches of each clip.
        labels: ``(clips,)`` class ids.
        weights: ``(clips,)`` of each clip in the loss.
        groups: ``(clips,)`` names of recording groups, which are never on both sides of a split;
            a clip's augmented copies are in its group.
        known: ``(patches,)`` whether a patch holds its clip's event, 1, or casual sound, 0, or
            `UNKNOWN`, as it is if not given.
    """

    embeddings: Floats | Halves
    scores: Floats | Halves
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]
    weights: Floats
    groups: NDArray[np.str_]
    known: NDArray[np.int8] = field(default_factory=lambda: np.empty(0, np.int8))

    def __post_init__(self) -> None:
        if len(self.known) != len(self.embeddings):
            unknown = np.full(len(self.embeddings), UNKNOWN, np.int8)
            object.__setattr__(self, "known", unknown)

    @classmethod
    def of(
        cls,
        clips: Sequence[EmbeddedPatches],
        labels: Sequence[Label],
        groups: Sequence[str],
        weights: Sequence[float],
    ) -> Self:
        """Feature set of clips that were embedded singly."""
        return cls(
            embeddings=np.concatenate([clip.embeddings for clip in clips]),
            scores=np.concatenate([clip.scores for clip in clips]),
            lengths=np.array([len(clip.starts) for clip in clips], np.int64),
            labels=np.array([label.class_id for label in labels], np.int64),
            weights=np.array(weights, np.float32),
            groups=np.array(groups),
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """All clips of all parts."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    @property
    def offsets(self) -> NDArray[np.int64]:
        """``(clips + 1,)`` row where each clip's patches begin, and the end of the last."""
        return np.concatenate([[0], np.cumsum(self.lengths)])

    def select(self, clips: NDArray[np.bool_]) -> Self:
        """The clips where `clips` is true."""
        patches = np.repeat(clips, self.lengths)
        return type(self)(
            self.embeddings[patches],
            self.scores[patches],
            self.lengths[clips],
            self.labels[clips],
            self.weights[clips],
            self.groups[clips],
            self.known[patches],
        )
