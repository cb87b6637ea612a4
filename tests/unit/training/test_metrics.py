"""Metrics, against values worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn

from training.evaluation.bootstrap import Rounds, redrawn
from training.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    differences,
    expected_calibration_error,
    interval,
    log_loss,
    macro_f1,
    per_class,
    report,
)
from training.evaluation.predictions import Predictions


def sure(truth: list[int], guesses: list[int], confidence: float) -> Predictions:
    probabilities = np.full((len(truth), 4), (1 - confidence) / 3)
    probabilities[np.arange(len(truth)), guesses] = confidence
    return Predictions(np.array(truth), probabilities, np.arange(len(truth)))


# Of 10 clips, 7 are right: a gunshot is taken for casual, an explosion and a siren for gunshots.
TRUTH, GUESSES = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3], [0, 0, 0, 0, 1, 0, 2, 1, 3, 1]


def test_accuracy_f1_and_confusion_matrix_of_ten_clips():
    ten = sure(TRUTH, GUESSES, 0.9)
    assert accuracy(ten) == 0.7
    assert confusion_matrix(ten).tolist() == [
        [4, 0, 0, 0],
        [1, 1, 0, 0],
        [0, 1, 1, 0],
        [0, 1, 0, 1],
    ]
    expected = {
        "casual": {"precision": 4 / 5, "recall": 1, "f1": 8 / 9, "support": 4, "recordings": 4},
        "gunshot": {
            "precision": 1 / 3,
            "recall": 1 / 2,
            "f1": 2 / 5,
            "support": 2,
            "recordings": 2,
        },
        "explosion": {"precision": 1, "recall": 1 / 2, "f1": 2 / 3, "support": 2, "recordings": 2},
        "siren": {"precision": 1, "recall": 1 / 2, "f1": 2 / 3, "support": 2, "recordings": 2},
    }
    found = per_class(ten)
    assert list(found) == list(expected)
    for label, scores in expected.items():
        assert found[label] == pytest.approx(scores)
    assert macro_f1(ten) == pytest.approx((8 / 9 + 2 / 5 + 2 / 3 + 2 / 3) / 4)


def test_labels_without_clips_still_have_their_rows():
    without_sirens = report(sure([0, 1, 2], [0, 1, 2], 0.9))
    assert np.shape(without_sirens["confusion_matrix"]) == (4, 4)
    assert without_sirens["per_class"]["siren"] == {
        "precision": 0, "recall": 0, "f1": 0, "support": 0, "recordings": 0,
    }  # fmt: skip


def test_differences_are_those_of_the_metrics_that_the_gate_compares():
    worse, better = sure(TRUTH, GUESSES, 0.9), sure(TRUTH, TRUTH, 0.9)
    same = differences(better, better)
    assert set(same) == {
        "macro F1",
        "log loss",
        "recall of gunshot",
        "recall of explosion",
        "recall of siren",
    }
    assert all(bounds == {"low": 0, "high": 0} for bounds in same.values())
    found = differences(worse, better)
    assert found["recall of gunshot"]["high"] <= 0
    assert found["macro F1"]["high"] < 0
    assert differences(better, worse)["macro F1"]["low"] > 0


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    half_right_at_09 = sure([0, 0, 0, 0], [0, 0, 1, 1], 0.9)
    assert expected_calibration_error(half_right_at_09) == pytest.approx(0.4)
    assert expected_calibration_error(sure([0, 1], [0, 1], 1.0)) == pytest.approx(0)


def test_log_loss_is_scikit_learns_but_for_what_is_all_but_impossible():
    chance = np.random.default_rng(5)
    probabilities = chance.dirichlet(np.ones(4), 50)
    some = Predictions(chance.integers(4, size=50), probabilities, np.arange(50))
    expected = sklearn.metrics.log_loss(some.truth, probabilities, labels=range(4))
    assert log_loss(some) == pytest.approx(expected)
    assert log_loss(sure([0, 0], [0, 1], 1.0)) == pytest.approx(np.log(1000) / 2)


def test_a_label_that_does_not_occur_is_left_out_of_macro_f1():
    assert macro_f1(sure([0, 1], [0, 1], 0.9)) == 1


def test_the_interval_of_a_perfect_classifier_is_a_point():
    assert interval(Rounds(sure([0, 1, 2], [0, 1, 2], 0.9), seed=0).accuracy) == (1, 1)


def test_clips_of_one_recording_widen_the_interval():
    truth, guesses = [0] * 100, [0] * 50 + [1] * 50
    apart = sure(truth, guesses, 0.9)
    together = Predictions(apart.truth, apart.probabilities, np.repeat(np.arange(10), 10))
    low, high = interval(Rounds(apart, seed=0).accuracy)
    assert (low, high) == pytest.approx((0.4, 0.6), abs=0.03)  # binomial: 0.5 -+ 1.96 * 0.05
    wide_low, wide_high = interval(Rounds(together, seed=0).accuracy)
    assert wide_high - wide_low > 2 * (high - low)


def test_each_round_has_the_metrics_of_the_clips_that_it_draws():
    rng = np.random.default_rng(0)
    truth = rng.choice(4, size=60, p=[0.6, 0.3, 0.08, 0.02])  # so that some rounds lack a label
    probabilities = rng.dirichlet([0.6] * 4, size=60)
    predictions = Predictions(truth, probabilities, rng.integers(12, size=60))
    rounds, draws = Rounds(predictions, seed=3), list(redrawn(predictions.recordings, seed=3))
    assert len(draws) == len(rounds.accuracy)
    lacking = 0
    for n, drawn in enumerate(draws[:200]):
        taken = predictions.take(drawn)
        assert rounds.accuracy[n] == pytest.approx(accuracy(taken))
        assert rounds.macro_f1[n] == pytest.approx(macro_f1(taken))
        assert rounds.log_loss[n] == pytest.approx(log_loss(taken))
        assert rounds.calibration_error[n] == pytest.approx(expected_calibration_error(taken))
        recalls = [scores["recall"] for scores in per_class(taken).values()]
        assert rounds.recall[n] == pytest.approx(recalls)
        lacking += len(np.unique(taken.truth)) < 4
    assert lacking
