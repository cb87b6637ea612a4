"""Biases, thresholds and temperature, on logits whose right answer is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from earshot.labels import Label
from earshot.model.events import casual_on_the_whole, event_logits
from earshot.model.head import Expert, Head, Logits, ScoreGroups
from training.head.fitting import (
    HeadConfig,
    negative_log_likelihood,
    with_biases,
    with_temperature,
    with_thresholds,
)

RNG = np.random.default_rng(0)


def expert(inputs: int) -> Expert:
    kernel_0, kernel_1 = np.zeros((inputs, 1), np.float32), np.zeros((1, 4), np.float32)
    return Expert(kernel_0, np.zeros(1, np.float32), kernel_1, kernel_1, np.zeros(4, np.float32))


HEAD = Head(
    embedding=expert(1024),
    score=expert(1),
    groups=ScoreGroups(np.array([0], np.int32), np.array([0], np.int32), -12.0),
    score_weight=1.0,
    temperature=1.0,
    event_thresholds=np.full(4, np.inf, np.float32),
    event_releases=np.full(4, np.inf, np.float32),
    event_contrast=0.0,
    uncertain_below=0.6,
)


def labelled_logits(n: int) -> tuple[Any, Any]:
    """Logits that are calibrated: labels are drawn from their own probabilities."""
    logits = (2 * RNG.standard_normal((n, 4))).astype(np.float32)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = (RNG.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return logits - logits[:, :1], np.minimum(labels, 3)


def test_the_temperature_undoes_overconfidence():
    logits, labels = labelled_logits(4000)
    head = with_temperature(HEAD, 2.5 * logits, labels, np.ones(len(labels)))
    assert head.temperature == pytest.approx(2.5, rel=0.1)


def test_the_biases_undo_a_shift_of_labels():
    logits, labels = labelled_logits(4000)
    shift = np.array([0, 1.5, -1.0, 0.5], np.float32)
    head = with_biases(HEAD, logits + shift, labels, np.ones(len(labels)))
    assert head.embedding.bias_1 == pytest.approx(-shift, abs=0.25)


def test_weights_say_whose_likelihood_counts():
    logits = np.array([[0.0, 2, 0, 0], [0.0, 2, 0, 0]])
    labels = np.array([1, 0])
    first = negative_log_likelihood(logits, labels, np.array([1.0, 0.0]))
    # -log of the softmax of 2 among 0, 2, 0, 0
    assert first == pytest.approx(-np.log(np.exp(2) / (np.exp(2) + 3)))


def test_thresholds_let_no_more_casual_clips_flip_than_allowed():
    patches = [RNG.normal(-2, 4, (5, 2, 4)).astype(np.float32) for _ in range(500)]
    casual = [Logits(clip, clip.mean(axis=0)) for clip in patches]
    config = HeadConfig()
    head = with_thresholds(HEAD, casual, np.ones(500), config)
    highest = np.stack([event_logits(HEAD, clip).max(axis=0) for clip in casual])
    is_casual = np.array([casual_on_the_whole(clip) for clip in casual])
    assert 0 < is_casual.sum() < len(casual)
    for label, allowed in config.false_flips.items():
        above = highest[:, label.class_id] > head.event_thresholds[label.class_id]
        flipped = (above & is_casual).mean()
        assert flipped <= allowed
        assert flipped >= allowed - 0.01
    assert head.event_thresholds[Label.CASUAL.class_id] == np.inf
