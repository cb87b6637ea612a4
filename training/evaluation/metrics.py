"""Metrics of predictions on labeled clips, with their confidence intervals.

Accuracy, precision, recall, F1 and the confusion matrix are scikit-learn's. Calibration error,
which scikit-learn does not have, is defined here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from earshot.labels import LABELS
from earshot.retraining import gate
from training.evaluation.bootstrap import Rounds
from training.evaluation.predictions import ECE_BINS, Floats, Ints, Predictions


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
    confidence, bins = predictions.confidence, predictions.bins
    right = predictions.guesses == predictions.truth
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


def log_loss(predictions: Predictions) -> float:
    """Mean negative logarithm of the true label's probability, in nats.

    A proper score (Gneiting & Raftery 2007, JASA 102, 359-378): no other probabilities have a lower
    one in the mean than the true ones. It has no bins, and so differs less by chance than the
    calibration error does. Clipped as in `Predictions.losses`.
    """
    return float(predictions.losses.mean())


def interval(values: Floats) -> tuple[float, float]:
    """95 % interval of a metric, of its values in the rounds of a bootstrap."""
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
    own, other = (_compared(Rounds(one, seed)) for one in (candidate, champion))
    found = {}
    for name, values in own.items():
        low, high = np.percentile(values - other[name], [10, 90])
        found[name] = {"low": float(low), "high": float(high)}
    return found


def _compared(rounds: Rounds) -> dict[str, Floats]:
    """The metrics that the gate compares, by the names that it knows them by."""
    return {
        gate.MACRO_F1: rounds.macro_f1,
        gate.LOG_LOSS: rounds.log_loss,
        **{gate.recall_of(label): rounds.recall[:, label.class_id] for label in gate.THREATS},
    }


def report(predictions: Predictions) -> dict[str, Any]:
    """All metrics, as they are stored with a version and written as JSON."""
    rounds = Rounds(predictions, seed=0)
    return {
        "n": len(predictions.truth),
        "recordings": len(np.unique(predictions.recordings)),
        "accuracy": accuracy(predictions),
        "accuracy_95": interval(rounds.accuracy),
        "macro_f1": macro_f1(predictions),
        "macro_f1_95": interval(rounds.macro_f1),
        "log_loss": log_loss(predictions),
        "ece": expected_calibration_error(predictions),
        "reliability": reliability(predictions),
        "per_class": per_class(predictions),
        "confusion_matrix": confusion_matrix(predictions).tolist(),
        "labels": [str(label) for label in LABELS],
    }


def numbered(names: Sequence[str] | NDArray[np.str_]) -> Ints:
    """A number for each name; equal names have equal numbers."""
    return np.unique(np.asarray(names), return_inverse=True)[1].astype(np.int64)
