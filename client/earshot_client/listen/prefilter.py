"""Classify on this machine, to send only what may be a threat, and a sample of the rest."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from datetime import datetime

from earshot.audio.clip import Clip
from earshot.classification.classifier import Classifier
from earshot.errors import RejectedClipError
from earshot.labels import Label
from earshot.results.result import Classification
from earshot.times import format_time
from earshot_client.listen.segments import Segment


class Prefilter:
    """The service's own classification, with a lower threshold.

    Args:
        classifier: gives the one to use now.
        threshold: of the probability that a segment holds a threat, 0..1.
        sample: share of the other segments to send as well, 0..1.
        follows: it is the service's by itself, or says why not.
    """

    def __init__(
        self,
        classifier: Callable[[], Classifier],
        threshold: float,
        sample: float,
        follows: bool = False,
    ) -> None:
        self._classifier = classifier
        self._threshold = threshold
        self._sample = sample
        self.follows = follows

    @property
    def model(self) -> tuple[str, str]:
        """Version, and SHA-256 of its manifest."""
        model = self._classifier().model
        return model.version, model.sha256

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
            return self._classifier().classify(clip)


def in_sample(start: datetime, share: float) -> bool:
    """Whether a segment is in the sample: by its time alone, so that it is the same each time."""
    digits = hashlib.sha256(format_time(start).encode()).digest()[:8]
    return int.from_bytes(digits, "big") < share * 2**64
