"""Classify on this machine, to send only what may be a threat, and a sample of the rest."""

from __future__ import annotations

import hashlib
import io
from datetime import datetime
from pathlib import Path

from earshot.audio.clip import Clip
from earshot.classification.classifier import Classifier
from earshot.errors import RejectedClipError
from earshot.labels import Label
from earshot.model.loading import load_model
from earshot.results.result import Classification
from earshot.times import format_time
from earshot.yamnet.flatbuffer import Yamnet
from earshot_client.listen.segments import Segment

# Alert thresholds are 0.65 and up. docs/listen.md has what is sent and what is kept at others.
DEFAULT_THRESHOLD = 0.3
DEFAULT_SAMPLE = 0.01


class Prefilter:
    """The service's own classification, with a lower threshold.

    Args:
        model_dir, yamnet_dir: folders of a model version and of the converted YAMNet.
        threshold: of the probability that a segment holds a threat, 0..1.
        sample: share of the other segments to send as well, 0..1.

    Raises:
        ModelError: the model is altered or does not fit.
    """

    def __init__(self, model_dir: Path, yamnet_dir: Path, threshold: float, sample: float) -> None:
        yamnet = Yamnet(yamnet_dir)
        model = load_model(lambda name: (model_dir / name).read_bytes(), yamnet.weights_sha256)
        self._classifier = Classifier(yamnet, model)
        self._threshold = threshold
        self._sample = sample
        self.model = (model.version, model.sha256)

    def wants(self, segment: Segment) -> bool:
        """Whether a segment is to be sent."""
        return in_sample(segment.start, self._sample) or self.threat(segment) >= self._threshold

    def threat(self, segment: Segment) -> float:
        """Probability that a segment holds a threat; 1 if it cannot be classified here."""
        try:
            found = self.classify(segment)
        except RejectedClipError:  # the service has the last word
            return 1.0
        return 1.0 - found.probabilities[Label.CASUAL]

    def classify(self, segment: Segment) -> Classification:
        """Classification of a segment as the service computes it. Raises `RejectedClipError`."""
        with Clip(io.BytesIO(segment.to_wav())) as clip:
            return self._classifier.classify(clip)


def in_sample(start: datetime, share: float) -> bool:
    """Whether a segment is in the sample: by its time alone, so that it is the same each time."""
    digits = hashlib.sha256(format_time(start).encode()).digest()[:8]
    return int.from_bytes(digits, "big") < share * 2**64
