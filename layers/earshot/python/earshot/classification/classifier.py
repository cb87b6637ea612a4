"""Classify a clip: its label, confidence, events and AudioSet top-5."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from earshot.audio.clip import Clip
from earshot.audio.log_mel import Floats
from earshot.labels import LABELS
from earshot.model.events import Verdict, judge
from earshot.model.head import join
from earshot.model.loading import Model
from earshot.results.result import AudioSetClass, Classification
from earshot.yamnet.embedding import embed
from earshot.yamnet.flatbuffer import N_SCORES, Yamnet


class Classifier:
    """YAMNet and a head, together."""

    def __init__(self, yamnet: Yamnet, model: Model) -> None:
        self._yamnet = yamnet
        self.model = model

    def classify(self, clip: Clip) -> Classification:
        """Classify a whole clip.

        Raises:
            RejectedClipError: see `earshot.audio.clip.Clip.waveform_blocks`.
        """
        verdict, top_scores = self.judge(clip.waveform_blocks())
        return Classification(
            label=verdict.label,
            probabilities=dict(zip(LABELS, map(float, verdict.probabilities), strict=True)),
            uncertain=verdict.uncertain,
            events=verdict.events,
            audioset_top5=self._audioset_top5(top_scores),
            duration_s=clip.duration_s,
            model_version=self.model.version,
            model_sha256=self.model.sha256,
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

    def _audioset_top5(self, scores: Floats) -> tuple[AudioSetClass, ...]:
        names = self._yamnet.class_names
        highest_first = np.argsort(scores)[::-1][:5]
        return tuple(AudioSetClass(names[i], float(scores[i])) for i in highest_first)
