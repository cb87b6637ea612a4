"""Classify a recording: what it most likely is, how sure that is, and what was heard when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from earshot.audio.clip import Clip
from earshot.audio.log_mel import Floats
from earshot.labels import LABELS, Label
from earshot.model.events import Event, Verdict, judge
from earshot.model.head import join
from earshot.model.loading import Model
from earshot.yamnet.embedding import embed
from earshot.yamnet.flatbuffer import N_SCORES, Yamnet

N_HEARD = 5


@dataclass(frozen=True)
class Heard:
    """One AudioSet class that YAMNet itself heard, and its highest score in the clip."""

    name: str
    score: float


@dataclass(frozen=True)
class Classification:
    """What a clip was found to be.

    Attributes:
        label: the most probable label.
        probabilities: of all four labels; they add up to 1.
        uncertain: a person should listen: the confidence is low, or the experts disagree.
        events: when each threat was heard; none in a casual clip.
        heard: YAMNet's own top classes in the clip, highest first.
        duration_s: length of the clip in seconds, all of it heard.
        warnings: what had to be mended to hear the clip.
    """

    label: Label
    probabilities: dict[Label, float]
    uncertain: bool
    events: tuple[Event, ...]
    heard: tuple[Heard, ...]
    duration_s: float
    warnings: tuple[str, ...]

    @property
    def confidence(self) -> float:
        """Probability of the label."""
        return self.probabilities[self.label]


class Classifier:
    """YAMNet and a head, together."""

    def __init__(self, yamnet: Yamnet, model: Model) -> None:
        self._yamnet = yamnet
        self.model = model

    def classify(self, clip: Clip) -> Classification:
        """Hear a whole clip.

        Raises:
            RejectedClipError: see `earshot.audio.clip.Clip.waveform_blocks`.
        """
        verdict, top_scores = self.judge(clip.waveform_blocks())
        return Classification(
            label=verdict.label,
            probabilities=dict(zip(LABELS, map(float, verdict.probabilities), strict=True)),
            uncertain=verdict.uncertain,
            events=verdict.events,
            heard=self._most_heard(top_scores),
            duration_s=clip.duration_s,
            warnings=tuple(clip.warnings),
        )

    def judge(self, blocks: Iterable[Floats]) -> tuple[Verdict, Floats]:
        """Verdict on a waveform at full scale, and YAMNet's highest scores in it, ``(521,)``.

        Of each patch only its logits are kept, so that memory hardly grows with the waveform.
        """
        starts, logits = [], []
        top_scores = np.zeros(N_SCORES, np.float32)
        for batch in embed(blocks, self._yamnet):
            starts.append(batch.starts)
            logits.append(self.model.head.logits(batch.embeddings, batch.scores))
            np.maximum(top_scores, batch.scores.max(axis=0), out=top_scores)
        verdict = judge(self.model.head, join(logits), np.concatenate(starts))
        return verdict, top_scores

    def _most_heard(self, scores: Floats) -> tuple[Heard, ...]:
        highest_first = np.argsort(scores)[::-1][:N_HEARD]
        return tuple(Heard(self._yamnet.class_names[i], float(scores[i])) for i in highest_first)
