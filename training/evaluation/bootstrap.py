"""Bootstrap over recording groups: metrics of clips that are drawn anew, a thousand times.

Clips of one recording are alike; drawing single clips would make intervals too narrow. So whole
groups are drawn, with replacement (Efron & Tibshirani 1993, chapters 8 and 13).

Each metric follows from sums over clips: counts in the confusion matrix, sums in the bins of
calibration, and losses. The sums of a round are those of its groups, so that a round costs a
product of matrices, where scikit-learn would look at each of its clips again.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS
from training.evaluation.predictions import ECE_BINS, Floats, Ints, Predictions

BOOTSTRAP_ROUNDS = 1000


def redrawn(recordings: Ints, seed: int) -> Iterator[Ints]:
    """Indices of the clips of recording groups drawn with replacement, round by round."""
    names, index = np.unique(recordings, return_inverse=True)
    members = [np.flatnonzero(index == i) for i in range(len(names))]
    for drawn in _draws(len(members), seed):
        yield np.concatenate([members[i] for i in drawn])


def _draws(n_groups: int, seed: int) -> Iterator[Ints]:
    rng = np.random.default_rng(seed)
    for _ in range(BOOTSTRAP_ROUNDS):
        yield rng.integers(n_groups, size=n_groups)


class Rounds:
    """Metrics of predictions in each round; the same draws for the same groups and seed.

    Attributes:
        matrices: ``(rounds, 4, 4)`` confusion matrices, rows are the true labels.
        gaps: ``(rounds, bins)`` in each bin of confidence, the sum of confidence less the number of
            clips that are right.
        losses: ``(rounds,)`` sums of the clips' losses.
    """

    def __init__(self, predictions: Predictions, seed: int) -> None:
        names, groups = np.unique(predictions.recordings, return_inverse=True)
        times = np.array(
            [np.bincount(drawn, minlength=len(names)) for drawn in _draws(len(names), seed)]
        )
        cells = np.zeros((len(names), len(LABELS), len(LABELS)), np.int64)
        np.add.at(cells, (groups, predictions.truth, predictions.guesses), 1)
        gaps = np.zeros((len(names), ECE_BINS))
        right = predictions.guesses == predictions.truth
        np.add.at(gaps, (groups, predictions.bins), predictions.confidence - right)
        self.matrices: NDArray[np.int64] = np.tensordot(times, cells, axes=1)
        self.gaps: Floats = times @ gaps
        self.losses: Floats = times @ np.bincount(groups, predictions.losses, len(names))

    @property
    def accuracy(self) -> Floats:
        """``(rounds,)`` shares of clips whose most probable label is the true one."""
        shares: Floats = self._right().sum(axis=1) / self._clips()
        return shares

    @property
    def macro_f1(self) -> Floats:
        """``(rounds,)`` mean F1 of the labels that occur in the truth of the round."""
        support, guessed = self.matrices.sum(axis=2), self.matrices.sum(axis=1)
        f1 = _ratio(2 * self._right(), support + guessed)
        means: Floats = (f1 * (support > 0)).sum(axis=1) / (support > 0).sum(axis=1)
        return means

    @property
    def recall(self) -> Floats:
        """``(rounds, 4)`` recall of each label; 0 where a round has no clip of it."""
        return _ratio(self._right(), self.matrices.sum(axis=2))

    @property
    def calibration_error(self) -> Floats:
        """``(rounds,)`` expected calibration errors."""
        errors: Floats = np.abs(self.gaps).sum(axis=1) / self._clips()
        return errors

    @property
    def log_loss(self) -> Floats:
        """``(rounds,)`` mean losses."""
        means: Floats = self.losses / self._clips()
        return means

    def _right(self) -> Ints:
        right: Ints = np.diagonal(self.matrices, axis1=1, axis2=2)
        return right

    def _clips(self) -> Ints:
        clips: Ints = self.matrices.sum(axis=(1, 2))
        return clips


def _ratio(part: Ints, whole: Ints) -> Floats:
    return np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0)
