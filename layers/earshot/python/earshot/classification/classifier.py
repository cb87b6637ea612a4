"""Classify a clip: its label, confidence, events and AudioSet top-5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.classification.event_embeddings import MAX_EMBEDDINGS, EventPatches, alerting
from earshot.events import EventEmbedding
from earshot.labels import LABELS
from earshot.model.events import Prediction, predict
from earshot.model.head import normalized
from earshot.model.loading import Model
from earshot.model.reference import Reference
from earshot.results.result import AudioSetClass, Classification
from earshot.yamnet.embedding import embed
from earshot.yamnet.flatbuffer import N_EMBEDDING, N_SCORES, Yamnet


class Found(NamedTuple):
    """What is found in a waveform.

    Attributes:
        prediction: label and events.
        top_scores: ``(521,)`` YAMNet's highest scores.
        embeddings: of the events that would raise an alert, or those most confident.
        all_embedded: none of them lacks its embedding.
        distance: from what the version was trained with; None where that is not known.
    """

    prediction: Prediction
    top_scores: Floats
    embeddings: tuple[EventEmbedding, ...]
    all_embedded: bool
    distance: float | None


class Classifier:
    """YAMNet and a head, together.

    Args:
        yamnet: that the head was trained on.
        model: of the head.
        reference: for a model that has none of its own.

    Attributes:
        model: of the head.
    """

    def __init__(self, yamnet: Yamnet, model: Model, reference: Reference | None = None) -> None:
        self._yamnet = yamnet
        self.model = model
        self._reference = model.reference or reference

    @property
    def yamnet_sha256(self) -> str:
        """Of YAMNet's flatbuffer. Embeddings of two flatbuffers are not comparable."""
        return self._yamnet.sha256

    def classify(self, clip: Clip) -> Classification:
        """Classify a whole clip.

        Raises:
            RejectedClipError: see `earshot.audio.clip.Clip.waveform_blocks`.
        """
        found = self.predict(clip.waveform_blocks())
        predicted = found.prediction
        return Classification(
            label=predicted.label,
            probabilities=dict(zip(LABELS, map(float, predicted.probabilities), strict=True)),
            uncertain=predicted.uncertain,
            events=predicted.events,
            audioset_top5=self._audioset_top5(found.top_scores),
            duration_s=clip.duration_s,
            model_version=self.model.version,
            model_sha256=self.model.sha256,
            warnings=tuple(clip.warnings),
            embeddings=found.embeddings,
            all_embedded=found.all_embedded,
            distance=found.distance,
        )

    def predict(self, blocks: Iterable[Floats]) -> Found:
        """What is found in a waveform at full scale.

        Of each patch little more than its logits is kept, so that memory hardly grows.
        """
        n_samples = 0

        def counted() -> Iterator[Floats]:
            nonlocal n_samples
            for block in blocks:
                n_samples += len(block)
                yield block

        starts, parts = [], []
        top_scores = np.zeros(N_SCORES, np.float32)
        kept = EventPatches()
        embedded, n_patches = np.zeros(N_EMBEDDING, np.float32), 0
        head = self.model.head
        for batch in embed(counted(), self._yamnet):
            starts.append(batch.starts)
            parts.append(head.blocks(batch.embeddings, batch.scores))
            kept.add(batch.starts, batch.embeddings, parts[-1].patches)
            if self._reference:
                embedded += normalized(batch.embeddings).sum(axis=0)
                n_patches += len(batch.starts)
            np.maximum(top_scores, batch.scores.max(axis=0), out=top_scores)
        duration_s = n_samples / SAMPLE_RATE
        predicted = predict(head, head.logits(parts), np.concatenate(starts), duration_s)
        events = alerting(predicted.events, head, uncertain=predicted.uncertain)
        strongest = events[:MAX_EMBEDDINGS]
        embeddings = kept.embeddings(strongest, self._yamnet.weights_sha256)
        return Found(
            predicted,
            top_scores,
            tuple(embeddings),
            len(embeddings) == len(events),
            self._reference.distance(embedded / np.float32(n_patches)) if self._reference else None,
        )

    def _audioset_top5(self, scores: Floats) -> tuple[AudioSetClass, ...]:
        names = self._yamnet.class_names
        highest_first = np.argsort(scores)[::-1][:5]
        return tuple(AudioSetClass(names[i], float(scores[i])) for i in highest_first)
