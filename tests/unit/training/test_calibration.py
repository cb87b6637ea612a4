"""Biases, temperature and thresholds, on scores whose right answer is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earshot.labels import Label
from earshot.model.events import against_casual
from tests.unit.model.sample_head import sample_head
from training.head.fitting import (
    alarms_by_kind,
    line_of,
    negative_log_likelihood,
    with_alert_thresholds,
    with_biases,
    with_length_slopes,
    with_temperature,
)

THREATS = (Label.GUNSHOT, Label.EXPLOSION, Label.SIREN)
RNG = np.random.default_rng(0)
HEAD = replace(sample_head(), temperature=1.0)
SEGMENT_HOURS = 10 / 3600


def labeled_scores(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores that are calibrated: labels are drawn from their own probabilities."""
    scores = (2 * RNG.standard_normal((n, 4))).astype(np.float32)
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    labels = (RNG.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return scores - scores[:, :1], np.minimum(labels, 3)


def test_the_temperature_undoes_overconfidence():
    scores, labels = labeled_scores(4000)
    head = with_temperature(HEAD, np.float32(2.5) * scores, labels, np.ones(len(labels)))
    assert head.temperature == pytest.approx(2.5, rel=0.1)


def test_biases_and_temperature_undo_a_shift_of_labels_and_overconfidence():
    scores, labels = labeled_scores(4000)
    shift = np.array([0, 1.5, -1.0, 0.5], np.float32)
    head = with_biases(HEAD, 2 * (scores + shift), labels, np.ones(len(labels)))
    assert head.bias_1 == pytest.approx(-2 * shift, abs=0.5)
    assert head.temperature == pytest.approx(2.0, rel=0.1)


def test_weights_decide_whose_likelihood_counts():
    logits = np.array([[0.0, 2, 0, 0], [0.0, 2, 0, 0]])
    labels = np.array([1, 0])
    first = negative_log_likelihood(logits, labels, np.array([1.0, 0.0]))
    # -log of the softmax of 2 among 0, 2, 0, 0
    assert first == pytest.approx(-np.log(np.exp(2) / (np.exp(2) + 3)))


def casual(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores of casual segments of one kind, and the alarms per hour that each stands for."""
    scores = RNG.normal(0, 3, (n, 4)).astype(np.float32)
    scores[:, 0] = 0
    return scores, alarms_by_kind(np.full(n, "rain"), SEGMENT_HOURS)


@pytest.mark.parametrize("per_hour", [0.5, 2.0, 10.0])
def test_an_alert_threshold_allows_so_many_false_alarms_an_hour_of_each_label(per_hour):
    scores, alarms = casual(7200)  # 20 hours
    rates = {Label.GUNSHOT: per_hour, Label.EXPLOSION: 1.0, Label.SIREN: 3.0}
    head = with_alert_thresholds(HEAD, scores, alarms, rates, casual_below=0.6)
    for label, rate in rates.items():
        k = label.class_id
        n_alarms = int((against_casual(head, scores)[:, k] > head.alert_thresholds[k]).sum())
        assert rate * 20 - 1 <= n_alarms <= rate * 20
    assert head.alert_thresholds[0] == pytest.approx(0.6)


def test_an_alert_threshold_is_never_below_the_line_at_which_a_clip_gets_the_label():
    scores, alarms = casual(720)
    rates = dict.fromkeys(THREATS, 1.0)
    head = with_alert_thresholds(HEAD, scores - 20, alarms, rates, casual_below=0.6)
    assert head.alert_thresholds[1:] == pytest.approx([0.5, 0.5, 0.5])


def test_kinds_of_sound_count_alike_however_many_hours_they_have():
    kinds = np.repeat(["music", "dog"], [3600, 360])
    alarms = alarms_by_kind(kinds, SEGMENT_HOURS)
    # Ten hours of music weigh as much as one hour of dogs.
    assert alarms[kinds == "music"].sum() == pytest.approx(alarms[kinds == "dog"].sum())
    # An alarm in each segment is 360 an hour.
    assert alarms.sum() == pytest.approx(360)


def test_a_few_clips_of_many_kinds_count_as_one_kind():
    kinds = np.repeat(["music", "bell", "door", "tone"], [3600, 3, 2, 1])
    alarms = alarms_by_kind(kinds, SEGMENT_HOURS)
    assert alarms[kinds == "tone"] == pytest.approx(alarms[kinds == "bell"][0])


def test_the_line_is_the_score_that_no_more_than_so_many_are_above():
    scores = np.arange(100, dtype=np.float32)
    alarms = np.full(100, 0.5, np.float32)
    assert line_of(scores, alarms, per_hour=2.0) == 95  # 96, 97, 98 and 99 are above it


def test_length_slopes_leave_a_long_recording_few_false_alarms():
    scores, alarms = casual(36000)  # 100 hours
    segments = 120  # of 10 s in 20 minutes
    head = with_length_slopes(HEAD, scores, alarms, 0.1, segments)
    lowered = scores - head.length_slopes * np.log(segments)
    assert head.length_slopes[0] == 0
    for k in (1, 2, 3):
        assert int((lowered[:, k] > 0).sum()) == pytest.approx(0.1 * 100, abs=1)
