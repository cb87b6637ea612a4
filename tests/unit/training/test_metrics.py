"""Metrics, against scikit-learn and against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as reference

from training.evaluation.metrics import (
    Predictions,
    accuracy,
    confusion_matrix,
    expected_calibration_error,
    interval,
    macro_f1,
    per_class,
)

RNG = np.random.default_rng(0)
TRUTH = RNG.integers(0, 4, 200)
PREDICTIONS = Predictions(TRUTH, RNG.dirichlet(np.ones(4), 200), np.arange(200))


def test_accuracy_f1_and_confusion_matrix_are_those_of_scikit_learn():
    guesses = PREDICTIONS.guesses
    assert accuracy(PREDICTIONS) == pytest.approx(reference.accuracy_score(TRUTH, guesses))
    assert macro_f1(PREDICTIONS) == pytest.approx(
        reference.f1_score(TRUTH, guesses, average="macro")
    )
    assert (confusion_matrix(PREDICTIONS) == reference.confusion_matrix(TRUTH, guesses)).all()
    precision, recall, f1, support = reference.precision_recall_fscore_support(TRUTH, guesses)
    ours = list(per_class(PREDICTIONS).values())
    assert [score["precision"] for score in ours] == pytest.approx(precision)
    assert [score["recall"] for score in ours] == pytest.approx(recall)
    assert [score["f1"] for score in ours] == pytest.approx(f1)
    assert [score["support"] for score in ours] == support.tolist()


def sure(truth: list[int], guesses: list[int], confidence: float) -> Predictions:
    probabilities = np.full((len(truth), 4), (1 - confidence) / 3)
    probabilities[np.arange(len(truth)), guesses] = confidence
    return Predictions(np.array(truth), probabilities, np.arange(len(truth)))


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    half_right_at_09 = sure([0, 0, 0, 0], [0, 0, 1, 1], 0.9)
    assert expected_calibration_error(half_right_at_09) == pytest.approx(0.4)
    assert expected_calibration_error(sure([0, 1], [0, 1], 1.0)) == pytest.approx(0)


def test_a_label_that_does_not_occur_is_left_out_of_macro_f1():
    assert macro_f1(sure([0, 1], [0, 1], 0.9)) == 1


def test_the_interval_of_a_perfect_classifier_is_a_point():
    assert interval(accuracy, sure([0, 1, 2], [0, 1, 2], 0.9)) == (1, 1)


def test_clips_of_one_recording_widen_the_interval():
    truth, guesses = [0] * 100, [0] * 50 + [1] * 50
    apart = sure(truth, guesses, 0.9)
    together = Predictions(apart.truth, apart.probabilities, np.repeat(np.arange(10), 10))
    low, high = interval(accuracy, apart)
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.03)  # binomial: 0.5 -+ 1.96 * 0.05
    wide_low, wide_high = interval(accuracy, together)
    assert wide_high - wide_low > 2 * (high - low)
