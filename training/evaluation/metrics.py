"""Metrics of predictions on labeled clips, with their confidence intervals.

Accuracy, precision, recall, F1 and the confusion matrix are scikit-learn's. Calibration error and
the bootstrap over recording groups, which scikit-learn does not have, are defined here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from earshot.labels import LABELS
from earshot.retraining import gate

ECE_BINS = 10
BOOTSTRAP_ROUNDS = 1000

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

    def take(self, indices: Ints) -> Predictions:
        """The predictions at `indices`, which may repeat."""
        return Predictions(
            self.truth[indices], self.probabilities[indices], self.recordings[indices]
        )


def accuracy(predictions: Predictions) -> float:
    """Share of clips whose most probable label is the true one."""
    return float(metrics.accuracy_score(predictions.truth, predictions.guesses))


def confusion_matrix(predictions: Predictions) -> Ints:
    """``(4, 4)`` counts of clips: rows are the true label, columns the most probable one."""
    matrix: Ints = metrics.confusion_matrix(
        predictions.truth, predictions.guesses, labels=range(len(LABELS))
    )
    return matrix


def per_class(predictions: Predictions) -> dict[str, dict[str, float]]:
    """Precision, recall, F1, clips and recording groups of each label; 0 where nothing divides."""
    return {
        str(label): {
            "precision": float(precision),
            "recall": float(recall),
            "f1": float(f1),
            "support": int(support),
            "recordings": len(
                np.unique(predictions.recordings[predictions.truth == label.class_id])
            ),
        }
        for label, precision, recall, f1, support in zip(LABELS, *_scores(predictions), strict=True)
    }


def macro_f1(predictions: Predictions) -> float:
    """Mean F1 of the labels that occur in the truth."""
    _, _, f1, support = _scores(predictions)
    return float(f1[support > 0].mean())


def _scores(predictions: Predictions) -> tuple[Floats, Floats, Floats, Ints]:
    """Precision, recall, F1 and support, ``(4,)`` each."""
    scores: tuple[Floats, Floats, Floats, Ints] = metrics.precision_recall_fscore_support(
        predictions.truth, predictions.guesses, labels=range(len(LABELS)), zero_division=0.0
    )
    return scores


def reliability(predictions: Predictions) -> list[dict[str, float]]:
    """Count, mean confidence and accuracy in ten equal bins of confidence; no empty bins."""
    confidence = predictions.probabilities.max(axis=1)
    right = predictions.guesses == predictions.truth
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    return [
        {
            "lower": b / ECE_BINS,
            "n": int((bins == b).sum()),
            "confidence": float(confidence[bins == b].mean()),
            "accuracy": float(right[bins == b].mean()),
        }
        for b in np.unique(bins).tolist()
    ]


def expected_calibration_error(predictions: Predictions) -> float:
    """Mean gap between confidence and accuracy, over the bins of `reliability`.

    Naeini, Cooper & Hauskrecht 2015; Guo et al. 2017 (arXiv:1706.04599), section 2.
    """
    gaps = [b["n"] * abs(b["confidence"] - b["accuracy"]) for b in reliability(predictions)]
    return float(np.sum(gaps) / len(predictions.truth))


def interval(
    metric: Callable[[Predictions], float], predictions: Predictions, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of a metric, by a bootstrap over recording groups.

    Clips of one recording are alike; drawing single clips would make the interval too narrow.
    """
    values = [metric(predictions.take(drawn)) for drawn in redrawn(predictions.recordings, seed)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def differences(
    candidate: Predictions, champion: Predictions, seed: int = 0
) -> dict[str, dict[str, float]]:
    """What the gate compares, candidate minus champion: ``low`` and ``high`` of the middle 80 %.

    Both are evaluated on the same draws of recording groups, so that what is hard about a
    recording for both cancels out (paired bootstrap; Efron & Tibshirani 1993, chapter 8).

    Args:
        candidate, champion: predictions for the very same clips.
        seed: of the draws.
    """
    drawn = list(redrawn(champion.recordings, seed))
    rounds = [(_compared(candidate.take(some)), _compared(champion.take(some))) for some in drawn]
    found = {}
    for name in rounds[0][0]:
        values = [own[name] - other[name] for own, other in rounds]
        low, high = np.percentile(values, [10, 90])
        found[name] = {"low": float(low), "high": float(high)}
    return found


def _compared(predictions: Predictions) -> dict[str, float]:
    """The metrics that the gate compares, by the names that it knows them by."""
    _, recall, f1, support = _scores(predictions)
    return {
        gate.MACRO_F1: float(f1[support > 0].mean()),
        gate.CALIBRATION: expected_calibration_error(predictions),
        **{gate.recall_of(label): float(recall[label.class_id]) for label in gate.THREATS},
    }


def redrawn(recordings: Ints, seed: int) -> Iterator[Ints]:
    """Indices of the clips of recording groups drawn with replacement, round by round."""
    rng = np.random.default_rng(seed)
    names, index = np.unique(recordings, return_inverse=True)
    members = [np.flatnonzero(index == i) for i in range(len(names))]
    for _ in range(BOOTSTRAP_ROUNDS):
        drawn = rng.integers(len(members), size=len(members))
        yield np.concatenate([members[i] for i in drawn])


def report(predictions: Predictions) -> dict[str, Any]:
    """All metrics, as they are stored with a version and written as JSON."""
    return {
        "n": len(predictions.truth),
        "recordings": len(np.unique(predictions.recordings)),
        "accuracy": accuracy(predictions),
        "accuracy_95": interval(accuracy, predictions),
        "macro_f1": macro_f1(predictions),
        "macro_f1_95": interval(macro_f1, predictions),
        "ece": expected_calibration_error(predictions),
        "reliability": reliability(predictions),
        "per_class": per_class(predictions),
        "confusion_matrix": confusion_matrix(predictions).tolist(),
        "labels": [str(label) for label in LABELS],
    }


def numbered(names: Sequence[str] | NDArray[np.str_]) -> Ints:
    """A number for each name; equal names have equal numbers."""
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
