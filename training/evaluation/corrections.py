"""What became of the clips that a person has corrected, clip by clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.head import Head
from training.data.clip_features import ClipFeatures
from training.head.incremental import clip_probabilities

# An answer names so many clips; the counts are of all.
MAX_CLIPS = 200


@dataclass(frozen=True)
class Answer:
    """A label, and how probable it is."""

    label: Label
    confidence: float


@dataclass(frozen=True)
class Correction:
    """A corrected clip.

    Attributes:
        clip_id: of its result.
        label: that a person gave it.
        was: the champion's answer.
        now: the candidate's.
        correct: the candidate gives it the person's label.
        not_used: why it was not learned from; None if it was.
    """

    clip_id: str
    label: Label
    was: Answer
    now: Answer
    correct: bool
    not_used: str | None


@dataclass(frozen=True)
class Corrections:
    """All corrected clips of a retraining that the champion has not learned."""

    clips: tuple[Correction, ...]

    def unchanged_within(self, tolerance: float) -> bool:
        """Whether the candidate answers as the champion does."""
        return all(
            clip.was.label == clip.now.label
            and abs(clip.was.confidence - clip.now.confidence) < tolerance
            for clip in self.clips
        )

    def to_json(self) -> dict[str, Any]:
        """Counts, and the first clips: wrong ones and those that were not used before others."""
        first = sorted(self.clips, key=lambda clip: (clip.correct, clip.not_used is None))
        return {
            "count": len(self.clips),
            "correct_before": sum(clip.was.label == clip.label for clip in self.clips),
            "correct": sum(clip.correct for clip in self.clips),
            "not_used": sum(clip.not_used is not None for clip in self.clips),
            "clips": [asdict(clip) for clip in first[:MAX_CLIPS]],
        }


def compare_corrections(
    candidate: Head, champion: Head, clips: ClipFeatures, not_used: Sequence[str]
) -> Corrections:
    """Classify corrected clips with both heads.

    Args:
        candidate, champion: to classify with.
        clips: that were corrected; their labels are a person's.
        not_used: for each, why it was not learned from, or nothing.
    """
    if not len(clips):
        return Corrections(())
    of_set = clips.feature_set([clip.sha256 for clip in clips.clips])
    before, after = (clip_probabilities(head, of_set) for head in (champion, candidate))
    return Corrections(
        tuple(
            Correction(
                PurePosixPath(clip.key).stem, clip.label, was, now, now.label == clip.label,
                why or None,
            )
            for clip, was, now, why in zip(
                clips.clips, _answers(before), _answers(after), not_used, strict=True
            )
        )
    )  # fmt: skip


def _answers(probabilities: NDArray[np.float64]) -> list[Answer]:
    best = probabilities.argmax(axis=1)
    return [
        Answer(LABELS[k], round(float(row[k]), 4))
        for k, row in zip(best, probabilities, strict=True)
    ]
