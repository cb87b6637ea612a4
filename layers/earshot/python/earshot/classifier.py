"""Classify a recording: what it most likely is, how sure, and what was heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from earshot.audio import Clip
from earshot.embedding import embed
from earshot.head import softmax
from earshot.labels import LABELS, Label
from earshot.model import Model
from earshot.yamnet import N_SCORES, Yamnet

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
        heard: YAMNet's own top classes in the clip, highest first.
        duration_s: length of the clip in seconds, all of it heard.
        warnings: what had to be mended to hear the clip.
    """

    label: Label
    probabilities: dict[Label, float]
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
        """Hear the whole clip; memory does not grow with its embeddings.

        The clip's probabilities are the softmax of the mean of its patches' logits.

        Raises:
            RejectedClipError: see `earshot.audio.Clip.waveform_blocks`.
        """
        logits = np.zeros(len(LABELS))
        top_scores = np.zeros(N_SCORES, np.float32)
        n_patches = 0
        for batch in embed(clip, self._yamnet):
            logits += self.model.head.patch_logits(batch.embeddings).sum(axis=0, dtype=np.float64)
            np.maximum(top_scores, batch.scores.max(axis=0), out=top_scores)
            n_patches += len(batch.starts)
        probabilities = softmax(logits / n_patches)
        return Classification(
            label=LABELS[int(probabilities.argmax())],
            probabilities=dict(zip(LABELS, map(float, probabilities), strict=True)),
            heard=self._most_heard(top_scores),
            duration_s=clip.duration_s,
            warnings=tuple(clip.warnings),
        )

    def _most_heard(self, scores: np.ndarray) -> tuple[Heard, ...]:
        highest_first = np.argsort(scores)[::-1][:N_HEARD]
        return tuple(Heard(self._yamnet.class_names[i], float(scores[i])) for i in highest_first)
