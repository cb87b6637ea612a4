"""What became of the clips that a person has corrected, clip by clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePosixPath
from typing import Any

from earshot.labels import LABELS, Label
from earshot.model.events import against_casual
from earshot.model.head import Head
from training.data.clip_features import ClipFeatures
from training.data.feature_set import FeatureSet
from training.head.fitting import clip_scores, logits_by_clip

_CASUAL = Label.CASUAL.class_id
# An answer names so many clips; the counts are of all.
MAX_CLIPS = 200


@dataclass(frozen=True)
class Answer:
    """A label, and its confidence, as a result states it."""

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
    before, after = (_answers(head, of_set) for head in (champion, candidate))
    return Corrections(
        tuple(
            Correction(
                PurePosixPath(clip.key).stem, clip.label, was, now, now.label == clip.label,
                why or None,
            )
            for clip, was, now, why in zip(
                clips.clips, before, after, not_used, strict=True
            )
        )
    )  # fmt: skip


def _answers(head: Head, clips: FeatureSet) -> list[Answer]:
    scores = clip_scores(head, logits_by_clip(head, clips))
    probabilities = head.probabilities(scores)
    confidences = against_casual(head, scores)
    confidences[:, _CASUAL] = probabilities[:, _CASUAL]
    return [
        Answer(LABELS[best], round(float(of_clip[best]), 4))
        for best, of_clip in zip(probabilities.argmax(axis=1), confidences, strict=True)
    ]
