"""A classifier's probabilities for labeled clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

ECE_BINS = 10
# Probabilities are shown in per cent.
LEAST_PROBABILITY = 0.001

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """A classifier's probabilities for labeled clips.

    Attributes:
        truth: ``(n,)`` class ids of the clips' labels.
        probabilities: ``(n, 4)`` of each label, in the order of `LABELS`.
        recordings: ``(n,)`` numbers of the clips' recording groups.
    """

    truth: Ints
    probabilities: Floats
    recordings: Ints

    @property
    def guesses(self) -> Ints:
        """Class ids of the most probable labels."""
        guesses: Ints = self.probabilities.argmax(axis=1)
        return guesses

    @property
    def confidence(self) -> Floats:
        """``(n,)`` probabilities of the most probable labels."""
        confidence: Floats = self.probabilities.max(axis=1)
        return confidence

    @property
    def bins(self) -> Ints:
        """``(n,)`` which of `ECE_BINS` equal bins each confidence falls into."""
        return np.minimum((self.confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)

    @property
    def losses(self) -> Floats:
        """``(n,)`` negative logarithms of the true labels' probabilities.

        One of less than `LEAST_PROBABILITY` counts as that: how sure a model is of what it does not
        show must not outweigh all other clips.
        """
        of_truth = self.probabilities[np.arange(len(self.truth)), self.truth]
        losses: Floats = -np.log(np.maximum(of_truth, LEAST_PROBABILITY))
        return losses

    def take(self, indices: Ints) -> Predictions:
        """The predictions at `indices`, which may repeat."""
        return Predictions(
            self.truth[indices], self.probabilities[indices], self.recordings[indices]
        )
