"""How good predictions are: accuracy, F1, calibration, and how sure we may be of either."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.retraining import gate

ECE_BINS = 10
BOOTSTRAP_ROUNDS = 1000

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Predictions:
    """What a classifier said of labelled clips.

    Attributes:
        truth: ``(n,)`` class ids.
        probabilities: ``(n, 4)``.
        recordings: ``(n,)`` numbers; clips of one recording share theirs.
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
    """Share of clips with the right label."""
    return float((predictions.guesses == predictions.truth).mean())


def confusion_matrix(predictions: Predictions) -> Ints:
    """``(4, 4)`` counts: rows are the truth, columns the guess."""
    matrix = np.zeros((len(LABELS), len(LABELS)), np.int64)
    np.add.at(matrix, (predictions.truth, predictions.guesses), 1)
    return matrix


def per_class(predictions: Predictions) -> dict[str, dict[str, float]]:
    """Precision, recall, F1 and support of each label; 0 where a ratio has nothing to divide."""
    matrix = confusion_matrix(predictions)
    scores = {}
    for index, label in enumerate(LABELS):
        right, guessed, true = matrix[index, index], matrix[:, index].sum(), matrix[index].sum()
        scores[str(label)] = {
            "precision": _ratio(right, guessed),
            "recall": _ratio(right, true),
            "f1": _ratio(2 * right, guessed + true),
            "support": int(true),
        }
    return scores


def macro_f1(predictions: Predictions) -> float:
    """Mean F1 of the labels that occur in the truth."""
    present = [score["f1"] for score in per_class(predictions).values() if score["support"]]
    return float(np.mean(present))


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
    """95 % interval of a metric, by drawing recordings, not clips, with replacement.

    Clips of one recording are alike; drawing them singly would make the interval too narrow.
    """
    values = [metric(predictions.take(drawn)) for drawn in _redrawn(predictions.recordings, seed)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def differences(
    candidate: Predictions, champion: Predictions, seed: int = 0
) -> dict[str, dict[str, float]]:
    """What the gate compares, candidate minus champion: ``low`` and ``high`` of the middle 80 %.

    Both are taken at the same recordings, drawn with replacement, so that what is hard about a
    recording for both cancels out (paired bootstrap; Efron & Tibshirani 1993, chapter 8).

    Args:
        candidate, champion: predictions for the very same clips.
        seed: of the draws.
    """
    metrics: dict[str, Callable[[Predictions], float]] = {
        gate.MACRO_F1: macro_f1,
        gate.CALIBRATION: expected_calibration_error,
        **{gate.recall_of(label): partial(_recall, label=label) for label in gate.THREATS},
    }
    drawn = list(_redrawn(champion.recordings, seed))
    found = {}
    for name, metric in metrics.items():
        values = [metric(candidate.take(some)) - metric(champion.take(some)) for some in drawn]
        low, high = np.percentile(values, [10, 90])
        found[name] = {"low": float(low), "high": float(high)}
    return found


def _recall(predictions: Predictions, label: Label) -> float:
    of_label = predictions.truth == label.class_id
    right = (predictions.guesses == label.class_id) & of_label
    return _ratio(right.sum(), of_label.sum())


def _redrawn(recordings: Ints, seed: int) -> Iterator[Ints]:
    """Indices of clips whose recordings were drawn with replacement, round by round."""
    rng = np.random.default_rng(seed)
    names, index = np.unique(recordings, return_inverse=True)
    members = [np.flatnonzero(index == i) for i in range(len(names))]
    for _ in range(BOOTSTRAP_ROUNDS):
        drawn = rng.integers(len(members), size=len(members))
        yield np.concatenate([members[i] for i in drawn])


def report(predictions: Predictions) -> dict[str, Any]:
    """All of the above, as it is stored with a version and written as JSON."""
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


def _ratio(part: float, whole: float) -> float:
    return float(part / whole) if whole else 0.0


def numbered(names: Sequence[str] | NDArray[np.str_]) -> Ints:
    """Each name as a number; equal names share theirs."""
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
