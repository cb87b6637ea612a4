"""From patch logits to label and events: what counts, and that they never contradict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earshot.errors import ModelError
from earshot.labels import Label
from earshot.model.events import judge, with_neighbours
from earshot.model.head import STRETCH_PATCHES, Expert, Head, Logits, ScoreGroups, join, normalised

INF = np.float32(np.inf)


def expert(inputs: int) -> Expert:
    return Expert(
        np.ones((inputs, 2), np.float32),
        np.zeros(2, np.float32),
        np.ones((2, 4), np.float32),
        np.ones((2, 4), np.float32),
        np.array([0, 1, 2, 3], np.float32),
    )


HEAD = Head(
    embedding=expert(1024),
    score=expert(2),
    groups=ScoreGroups(np.array([3, 5, 7], np.int32), np.array([0, 2], np.int32), -12.0),
    score_weight=0.5,
    temperature=2.0,
    event_thresholds=np.array([INF, 4, 6, 5], np.float32),
    event_releases=np.array([INF, 2, 4, 3], np.float32),
    event_contrast=0.0,
    uncertain_below=0.6,
)


def clip(patches: np.ndarray) -> Logits:
    """A clip whose patches together are what they are in the mean."""
    return Logits(patches, patches.mean(axis=0))


def patches(*rows: tuple[float, float, float]) -> Logits:
    """Logits of which both experts have half: gunshot, explosion, siren above casual."""
    combined = np.array([(0, *row) for row in rows], np.float32)
    return clip(np.stack([combined / 2, combined / 2], axis=1))


def starts(logits: Logits) -> np.ndarray:
    return 0.48 * np.arange(len(logits.patches))


QUIET = (-8.0, -8.0, -8.0)


def test_a_clip_of_quiet_patches_is_casual_and_has_no_event():
    verdict = judge(HEAD, logits := patches(*[QUIET] * 10), starts(logits))
    assert verdict.label is Label.CASUAL
    assert verdict.events == ()
    assert not verdict.uncertain


def test_a_single_shot_is_enough_for_a_gunshot_in_a_long_recording():
    logits = patches(*[QUIET] * 30, *[(6.0, -8.0, -8.0)] * 2, *[QUIET] * 30)  # they overlap
    verdict = judge(HEAD, logits, starts(logits))
    assert verdict.label is Label.GUNSHOT
    (event,) = verdict.events
    assert event.label is Label.GUNSHOT
    assert (event.start_s, event.end_s) == pytest.approx((30 * 0.48, 31 * 0.48 + 0.96))
    # the softmax of (0, 6, -8, -8) / 2
    assert event.confidence == pytest.approx(np.exp(3) / (1 + np.exp(3) + 2 * np.exp(-4)), rel=1e-5)


def test_what_one_patch_hears_and_neither_neighbour_is_no_event():
    logits = patches(*[QUIET] * 30, (6.0, -8.0, -8.0), *[QUIET] * 30)
    assert judge(HEAD, logits, starts(logits)).label is Label.CASUAL


def test_a_patch_is_borne_out_by_the_neighbour_that_hears_more():
    column = np.array([[1.0], [5.0], [3.0], [-7.0]], np.float32)
    assert with_neighbours(column)[:, 0].tolist() == [3, 4, 4, -2]
    assert with_neighbours(column[:1]).tolist() == [[1]]


def test_a_patch_below_its_threshold_changes_nothing():
    logits = patches(*[QUIET] * 30, *[(3.9, -8.0, -8.0)] * 2)
    assert judge(HEAD, logits, starts(logits)).label is Label.CASUAL


def test_in_a_casual_recording_an_event_is_what_stands_out():
    head = replace(HEAD, event_contrast=0.5)
    almost = [(3.4, -8.0, -8.0)] * 2  # below the threshold of 4 by itself
    alone = patches(*[QUIET] * 30, *almost)
    assert judge(head, alone, starts(alone)).label is Label.GUNSHOT  # 3.4 + 4
    among_its_like = patches(*[(-1.0, -8.0, -8.0)] * 30, *almost)
    assert judge(head, among_its_like, starts(among_its_like)).label is Label.CASUAL  # 3.4 + 0.5


def test_a_clip_that_is_a_threat_throughout_keeps_its_event_whole():
    head = replace(HEAD, event_contrast=0.5)
    logits = patches(*[(5.0, -8.0, -8.0)] * 10)
    (event,) = judge(head, logits, starts(logits)).events
    assert (event.start_s, event.end_s) == pytest.approx((0, 9 * 0.48 + 0.96))


def test_an_event_reaches_to_both_sides_down_to_its_release():
    siren = [(-8.0, -8.0, z) for z in (1.0, 3.1, 9.0, 3.1, 1.0)]
    logits = patches(*[QUIET] * 4, *siren, *[QUIET] * 4)
    (event,) = judge(HEAD, logits, starts(logits)).events
    assert (event.start_s, event.end_s) == pytest.approx((5 * 0.48, 7 * 0.48 + 0.96))


def test_events_of_several_labels_come_in_order_of_time():
    shot, siren = [(9.0, 0.0, 0.0)] * 2, [(0.0, 0.0, 9.0)] * 2
    logits = patches(*shot, *[QUIET] * 5, *siren, *[QUIET] * 5, *shot)
    events = judge(HEAD, logits, starts(logits)).events
    assert [str(event.label) for event in events] == ["gunshot", "siren", "gunshot"]


def test_a_label_without_a_patch_over_its_threshold_still_shows_where_it_was_heard():
    logits = patches(*[(2.0, -8.0, -8.0)] * 3, (3.0, -8.0, -8.0), *[(2.0, -8.0, -8.0)] * 3)
    verdict = judge(HEAD, logits, starts(logits))
    assert verdict.label is Label.GUNSHOT
    (event,) = verdict.events
    assert event.start_s == 0
    assert event.end_s == pytest.approx(6 * 0.48 + 0.96)


def test_experts_that_disagree_make_a_middling_confidence_uncertain():
    together = patches(*[(-8.0, -8.0, 2.0)] * 4)
    of_each = together.patches.copy()
    of_each[:, 0, 3], of_each[:, 1, 3] = -1.0, 3.0
    apart = clip(of_each)
    assert not judge(HEAD, together, starts(together)).uncertain
    verdict = judge(HEAD, apart, starts(apart))
    assert verdict.label is Label.SIREN
    assert verdict.uncertain


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.just(2), st.just(4)),
        elements=st.floats(-15, 15, width=32),
    )
)
def test_label_and_events_never_contradict_each_other(of_patches):
    of_patches[:, :, 0] = 0
    logits = clip(of_patches)
    verdict = judge(HEAD, logits, starts(logits))
    labels = {event.label for event in verdict.events}
    if verdict.label is Label.CASUAL:
        assert labels == set()
    else:
        assert verdict.label in labels
        assert Label.CASUAL not in labels
    assert float(verdict.probabilities.sum()) == pytest.approx(1, abs=1e-5)
    for event in verdict.events:
        assert event.start_s < event.end_s
        assert 0 < event.confidence <= 1


def test_a_head_comes_back_from_its_arrays():
    scores = np.random.default_rng(0).random((3, 521), np.float32)
    embeddings = np.random.default_rng(1).random((3, 1024), np.float32)
    again = Head.from_arrays(HEAD.to_arrays())
    for one, other in zip(
        again.logits(embeddings, scores), HEAD.logits(embeddings, scores), strict=True
    ):
        assert (one == other).all()
    assert again.temperature == 2.0


def test_a_head_that_lacks_an_array_or_does_not_fit_is_refused():
    arrays_ = HEAD.to_arrays()
    del arrays_["temperature"]
    with pytest.raises(ModelError, match="temperature"):
        Head.from_arrays(arrays_)
    with pytest.raises(ModelError, match="inputs"):
        replace(HEAD, embedding=expert(512))
    with pytest.raises(ModelError, match="does not have"):
        ScoreGroups(np.array([521], np.int32), np.array([0], np.int32), -12.0)


def test_groups_take_the_highest_log_odds_of_their_classes_and_no_less_than_the_floor():
    scores = np.zeros((1, 521), np.float32)
    scores[0, 3], scores[0, 5] = 0.25, 0.5
    assert HEAD.groups.log_odds(scores)[0] == pytest.approx([0.0, -12.0], abs=1e-6)


def test_embeddings_are_heard_alike_whatever_their_length():
    embeddings = np.random.default_rng(0).random((2, 1024), np.float32)
    assert normalised(embeddings) == pytest.approx(normalised(5 * embeddings), rel=1e-3)
    assert np.linalg.norm(normalised(embeddings), axis=1) == pytest.approx([32, 32], rel=1e-3)
    assert (normalised(np.zeros((1, 1024), np.float32)) == 0).all()


def test_a_patch_alone_is_a_clip_of_one_patch():
    inputs = np.random.default_rng(0).standard_normal((1, 1024)).astype(np.float32)
    alone, together = expert(1024).logits(inputs)
    assert together == pytest.approx(alone[0], abs=1e-4)


def test_patches_together_are_their_hidden_units_mean_and_maximum():
    by_mean, by_maximum = (np.eye(4, dtype=np.float32)[1:3], np.eye(4, dtype=np.float32)[2:4])
    expert_of_two = Expert(
        np.eye(2, dtype=np.float32),
        np.zeros(2, np.float32),
        by_mean,
        by_maximum,
        np.zeros(4, np.float32),
    )
    _, together = expert_of_two.logits(np.array([[1, 8], [3, -4]], np.float32))
    # units (1, 8) and (3, 0): means 2 and 4 count for labels 1 and 2, maxima 3 and 8 for 2 and 3
    assert together.tolist() == [0, 2, 4 + 3, 8]


def test_a_long_clip_is_heard_in_stretches_that_count_by_their_patches():
    rng = np.random.default_rng(0)
    embeddings = rng.random((STRETCH_PATCHES + 8, 1024), np.float32)
    scores = rng.random((STRETCH_PATCHES + 8, 521), np.float32)
    first, rest = (
        HEAD.logits(embeddings[part], scores[part])
        for part in (slice(STRETCH_PATCHES), slice(STRETCH_PATCHES, None))
    )
    whole = HEAD.logits(embeddings, scores)
    share = STRETCH_PATCHES / (STRETCH_PATCHES + 8)
    assert whole.together == pytest.approx(share * first.together + (1 - share) * rest.together)
    assert (whole.patches == np.concatenate([first.patches, rest.patches])).all()
    assert (join([first, rest]).together == whole.together).all()
