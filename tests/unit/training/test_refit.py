"""The last layer learns each correction, and keeps what it knew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earshot.labels import LABELS, Label
from earshot.model.head import Head
from tests.unit.model.sample_head import sample_head
from tests.unit.training.feature_sets import together
from training.data.feature_set import FeatureSet
from training.head.fitting import clip_scores, logits_by_clip
from training.head.refit import MARGIN, refit, units_by_clip

HIDDEN = 12
RNG = np.random.default_rng(3)


@pytest.fixture
def head() -> Head:
    """Each label is a direction of the embedding, and so is a sound that it takes for a gunshot."""
    weights = np.zeros((1024, HIDDEN), np.float32)
    weights[np.arange(HIDDEN), np.arange(HIDDEN)] = 1
    kernel = np.zeros((HIDDEN + 1, 4), np.float32)
    kernel[:4] = 0.1 * np.eye(4) - 0.02
    kernel[5, Label.GUNSHOT.class_id] = 0.1
    return replace(
        sample_head(hidden=HIDDEN),
        kernel_0=weights,
        kernel_mean=kernel,
        kernel_max=kernel,
        bias_1=np.array([0, -0.5, -0.5, -0.5], np.float32),
        temperature=1.0,
        pair_shares=np.array([0.5, 0.65, 0.25, 0.25], np.float32),
    )


def clips(direction: int, label: Label, n: int, patches: int = 20) -> FeatureSet:
    """Clips with the sound of a direction in two neighboring patches, over other sound."""
    embeddings = RNG.random((n * patches, 1024)).astype(np.float32)
    for begin in range(patches // 2, len(embeddings), patches):
        embeddings[begin : begin + 2, direction] += 25
    return FeatureSet(
        embeddings=embeddings,
        scores=np.full((len(embeddings), 521), 0.01, np.float32),
        lengths=np.full(n, patches),
        labels=np.full(n, label.class_id),
        weights=np.ones(n, np.float32),
        groups=np.array([f"{direction} {k}" for k in range(n)]),
    )


def scores(head: Head, of_set: FeatureSet) -> np.ndarray:
    return clip_scores(head, logits_by_clip(head, of_set))


def replay() -> FeatureSet:
    return together(*(clips(label.class_id, label, 10) for label in LABELS))


def test_each_corrected_clip_has_a_margin_and_threats_keep_their_scores(head: Head) -> None:
    lesson, known = clips(5, Label.CASUAL, 5), replay()
    assert (scores(head, lesson)[:, 1] > 0).all(), "there is nothing to learn"
    taught = refit(head, lesson, known)
    assert scores(taught, lesson)[:, 1:].max() < -0.8 * MARGIN
    shots = known.labels == Label.GUNSHOT.class_id
    before, after = (scores(of, known)[shots, 1] for of in (head, taught))
    assert before.min() > 3.5
    assert after.min() > 1.5  # a replayed shot may come down to 2


def test_new_clips_of_the_same_sound_are_casual_too(head: Head) -> None:
    taught = refit(head, clips(5, Label.CASUAL, 5), replay())
    assert (scores(taught, clips(5, Label.CASUAL, 20))[:, 1:].max(axis=1) < 0).all()


def test_a_missed_threat_is_learned_as_well(head: Head) -> None:
    lesson = clips(7, Label.SIREN, 4)
    assert (scores(head, lesson)[:, 3] < 0).all(), "there is nothing to learn"
    assert (scores(refit(head, lesson, replay()), lesson)[:, 3] > 0).all()


def test_without_a_lesson_the_head_stays_as_it_is(head: Head) -> None:
    lesson = clips(5, Label.CASUAL, 1).select(np.zeros(1, bool))
    assert refit(head, lesson, replay()) is head


def test_a_lesson_that_is_known_already_changes_nothing(head: Head) -> None:
    quiet = together(*(clips(9, Label.CASUAL, 3),))
    low = replace(head, bias_1=np.array([0, -3, -3, -3], np.float32))
    assert (scores(low, quiet)[:, 1:] < -MARGIN).all()
    taught = refit(low, quiet, replay())
    assert np.allclose(taught.kernel_mean, low.kernel_mean, atol=1e-5)
    assert np.allclose(taught.bias_1, low.bias_1, atol=1e-5)


def test_the_units_are_those_that_serving_has(head: Head) -> None:
    of_set = clips(1, Label.GUNSHOT, 1)
    (units,) = units_by_clip(head, of_set)
    patches = units @ (head.kernel_mean + head.kernel_max) + head.bias_1
    (logits,) = logits_by_clip(head, of_set)
    assert patches - patches[:, :1] == pytest.approx(logits.patches, abs=1e-4)
