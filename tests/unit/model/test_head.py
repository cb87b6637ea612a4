"""The head: what it takes of patches, how it pools stretches, and what it refuses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from earshot.errors import ModelError
from earshot.model.head import BLOCK_PATCHES, Head, ScoreGroups, normalized
from tests.unit.model.sample_head import sample_head

RNG = np.random.default_rng(0)
GROUPS = ScoreGroups(np.array([3, 5, 7], np.int32), np.array([0, 2], np.int32))


def patches(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings and scores of patches."""
    return RNG.random((n, 1024), np.float32), RNG.random((n, 521), np.float32)


def random_head(hidden: int = 6) -> Head:
    units = hidden + len(GROUPS.starts)
    return replace(
        sample_head(GROUPS, hidden),
        kernel_0=RNG.standard_normal((1024, hidden)).astype(np.float32),
        kernel_mean=RNG.standard_normal((units, 4)).astype(np.float32),
        kernel_max=RNG.standard_normal((units, 4)).astype(np.float32),
    )


def units_of(head: Head, embeddings: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Hidden units and groups, written out."""
    length = np.linalg.norm(embeddings, axis=1, keepdims=True)
    hidden = np.maximum(32 * embeddings / (length + 1e-3) @ head.kernel_0 + head.bias_0, 0)
    highest = np.stack([scores[:, [3, 5]].max(axis=1), scores[:, 7]], axis=1)
    return np.concatenate([hidden, np.log(highest / (1 - highest)) / 4 + 1], axis=1)


def relative(logits: np.ndarray) -> np.ndarray:
    return logits - logits[..., :1]


def test_a_patch_alone_is_a_stretch_of_one_patch():
    head = random_head()
    embeddings, scores = patches(1)
    logits = head.logits([head.blocks(embeddings, scores)])
    expected = relative(units_of(head, embeddings, scores) @ (head.kernel_mean + head.kernel_max))
    assert logits.patches == pytest.approx(expected, abs=1e-3)
    assert logits.stretches == pytest.approx(expected, abs=1e-3)


def test_a_stretch_is_the_mean_and_the_maximum_of_two_blocks_of_units():
    head = random_head()
    n = 2 * BLOCK_PATCHES + 3  # three blocks, so two stretches; the middle block is in both
    embeddings, scores = patches(n)
    logits = head.logits([head.blocks(embeddings, scores)])
    units = units_of(head, embeddings, scores)
    first, second = (
        relative(part.mean(axis=0) @ head.kernel_mean + part.max(axis=0) @ head.kernel_max)
        for part in (units[: 2 * BLOCK_PATCHES], units[BLOCK_PATCHES:])
    )
    assert logits.stretches[0] == pytest.approx(first, abs=1e-3)
    assert logits.stretches[BLOCK_PATCHES] == pytest.approx(np.maximum(first, second), abs=1e-3)
    assert logits.stretches[-1] == pytest.approx(second, abs=1e-3)


def test_a_clip_in_parts_gives_the_logits_of_the_whole():
    head = random_head()
    embeddings, scores = patches(5 * BLOCK_PATCHES + 1)
    whole = head.logits([head.blocks(embeddings, scores)])
    cut = 2 * BLOCK_PATCHES
    parts = head.logits(
        [head.blocks(embeddings[:cut], scores[:cut]), head.blocks(embeddings[cut:], scores[cut:])]
    )
    assert parts.patches == pytest.approx(whole.patches, abs=1e-4)
    assert parts.stretches == pytest.approx(whole.stretches, abs=1e-4)


def test_groups_take_the_highest_log_odds_of_their_classes_and_hold_them_within_ten():
    scores = np.zeros((1, 521), np.float32)
    scores[0, 3], scores[0, 5] = 0.25, 0.5
    assert GROUPS.units(scores)[0] == pytest.approx([0 / 4 + 1, -10 / 4 + 1], abs=1e-4)


def test_embeddings_of_any_length_are_alike():
    embeddings = RNG.random((2, 1024), np.float32)
    assert normalized(embeddings) == pytest.approx(normalized(5 * embeddings), rel=1e-3)
    assert np.linalg.norm(normalized(embeddings), axis=1) == pytest.approx([32, 32], rel=1e-3)
    assert (normalized(np.zeros((1, 1024), np.float32)) == 0).all()


def test_what_kind_of_threat_it_is_takes_little_from_its_being_a_threat():
    head = replace(random_head(), temperature=1.0)
    # Odds against casual of 4, 2 and 0: 6 in 7 that it is a threat, shared as 16 to 4.
    logits = np.array([0, np.log(4), np.log(2), -40], np.float32)
    expected = [1 / 7, 6 / 7 * 0.8, 6 / 7 * 0.2, 0]
    assert head.probabilities(logits) == pytest.approx(expected, abs=1e-6)


def test_a_head_comes_back_from_its_arrays():
    head = random_head()
    embeddings, scores = patches(20)
    again = Head.from_arrays(head.to_arrays())
    for one, other in zip(
        again.logits([again.blocks(embeddings, scores)]),
        head.logits([head.blocks(embeddings, scores)]),
        strict=True,
    ):
        assert (one == other).all()
    assert again.temperature == head.temperature
    assert (again.alert_thresholds == head.alert_thresholds).all()


def test_a_head_that_lacks_an_array_or_does_not_fit_is_refused():
    arrays = random_head().to_arrays()
    del arrays["temperature"]
    with pytest.raises(ModelError, match="temperature"):
        Head.from_arrays(arrays)
    with pytest.raises(ModelError, match="inputs"):
        replace(random_head(), kernel_0=np.ones((512, 6), np.float32))
    with pytest.raises(ModelError, match="fit each other"):
        replace(random_head(), alert_thresholds=np.ones(3, np.float32))
    with pytest.raises(ModelError, match="does not have"):
        ScoreGroups(np.array([521], np.int32), np.array([0], np.int32))
