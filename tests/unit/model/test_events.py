"""From logits to label and events: one score decides both, so they never contradict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from earshot.labels import Label
from earshot.model.events import event_scores, predict, with_neighbors
from earshot.model.head import Logits
from tests.unit.model.sample_head import sample_head

HEAD = sample_head()
QUIET = (-8.0, -8.0, -8.0)


def clip(*rows: tuple[float, float, float], stretches: tuple[float, ...] = ()) -> Logits:
    """Logits of patches: gunshot, explosion, siren above casual. Stretches agree with each patch,
    or are the same throughout.
    """
    patches = np.array([(0, *row) for row in rows], np.float32)
    of_stretches = np.tile(np.array([0, *stretches], np.float32), (len(rows), 1))
    return Logits(patches, of_stretches if stretches else with_neighbors(patches))


def starts(logits: Logits) -> np.ndarray:
    return 0.48 * np.arange(len(logits.patches))


def found(logits: Logits, head=HEAD, **options):
    return predict(head, logits, starts(logits), **options)


def test_a_clip_of_quiet_patches_is_casual_and_has_no_event():
    prediction = found(clip(*[QUIET] * 10))
    assert prediction.label is Label.CASUAL
    assert prediction.events == ()
    assert not prediction.uncertain


def test_a_single_shot_is_enough_for_a_gunshot_in_a_longer_recording():
    prediction = found(clip(*[QUIET] * 30, *[(6.0, -8.0, -8.0)] * 2, *[QUIET] * 30))
    assert prediction.label is Label.GUNSHOT
    (event,) = prediction.events
    assert event.label is Label.GUNSHOT
    assert (event.start_s, event.end_s) == pytest.approx((30 * 0.48, 31 * 0.48 + 0.96))
    assert event.confidence == pytest.approx(1 / (1 + np.exp(-6 / 2)), rel=1e-5)


def test_a_score_is_in_part_of_a_patch_with_its_neighbor_and_else_of_its_stretch():
    logits = clip((2.0, 2.0, -8.0), (4.0, 4.0, -8.0), stretches=(-1.0, -1.0, -8.0))
    head = replace(HEAD, pair_shares=np.array([0.5, 0.75, 0.25, 0.5], np.float32))
    assert event_scores(head, logits)[:, 1].tolist() == [2, 2]  # 3/4 of 3, 1/4 of -1
    assert event_scores(head, logits)[:, 2].tolist() == [0, 0]  # 1/4 of 3, 3/4 of -1


def test_a_patch_that_no_neighbor_supports_is_no_event():
    assert found(clip(*[QUIET] * 9, (6.0, -8.0, -8.0), *[QUIET] * 9)).label is Label.CASUAL


def test_a_patch_is_supported_by_the_neighbor_with_the_higher_logit():
    column = np.array([[1.0], [5.0], [3.0], [-7.0]], np.float32)
    assert with_neighbors(column)[:, 0].tolist() == [3, 4, 4, -2]
    assert with_neighbors(column[:1]).tolist() == [[1]]


def test_a_result_below_its_labels_alert_threshold_is_uncertain():
    # A sigmoid of 3 / 2 is 0.82: enough for a gunshot (0.7) and an explosion (0.8), not a siren.
    rows = ((3.0, -8.0, -8.0), (-8.0, 3.0, -8.0), (-8.0, -8.0, 3.0))
    for k, (row, uncertain) in enumerate(zip(rows, (False, False, True), strict=True)):
        prediction = found(clip(*[row] * 4))
        assert prediction.label.class_id == k + 1
        assert prediction.uncertain is uncertain


def test_a_quarter_of_a_second_is_too_short_to_be_certain_that_it_is_casual():
    logits = clip(QUIET)
    assert found(logits, duration_s=0.25).uncertain
    assert not found(logits, duration_s=0.5).uncertain
    assert not found(clip((9.0, -8.0, -8.0)), duration_s=0.25).uncertain


def test_the_longer_a_clip_the_higher_a_score_must_be():
    head = replace(HEAD, length_slopes=np.array([0, 1, 1, 1], np.float32))
    shot = [(2.0, -8.0, -8.0)] * 2
    short = clip(*[QUIET] * 9, *shot, *[QUIET] * 9)  # 20 patches, 10 s
    long = clip(*[QUIET] * 90, *shot, *[QUIET] * 108)  # 200: ln 10 is 2.3
    assert found(short, head).label is Label.GUNSHOT
    assert found(long, head).label is Label.CASUAL
    assert found(long).label is Label.GUNSHOT, "without slopes its length does not matter"


def test_an_event_reaches_over_patches_that_are_more_likely_it_than_casual():
    siren = [(-8.0, -8.0, z) for z in (-0.5, 0.5, 9.0, 0.5, -0.5)]
    (event,) = found(clip(*[QUIET] * 4, *siren, *[QUIET] * 4)).events
    assert (event.start_s, event.end_s) == pytest.approx((5 * 0.48, 7 * 0.48 + 0.96))


def test_hiss_around_a_shot_is_not_in_its_event_however_sure_the_stretch_is():
    logits = clip(*[QUIET] * 6, *[(9.0, -8.0, -8.0)] * 2, *[QUIET] * 6, stretches=(7.0, -8.0, -8.0))
    (event,) = found(logits).events
    assert (event.start_s, event.end_s) == pytest.approx((6 * 0.48, 7 * 0.48 + 0.96))


def test_no_event_ends_after_its_clip():
    (event,) = found(clip((6.0, -8.0, -8.0)), duration_s=0.4).events
    assert (event.start_s, event.end_s) == (0, 0.4)


def test_a_siren_in_a_clip_of_shots_is_listed_from_its_alert_threshold_on():
    shots = [(9.0, -8.0, -8.0)] * 3
    sure, unsure = [(-8.0, -8.0, 5.0)] * 4, [(-8.0, -8.0, 4.0)] * 4  # sigmoid(2.5), sigmoid(2)
    labels = [event.label for event in found(clip(*shots, *[QUIET] * 4, *sure)).events]
    assert labels == [Label.GUNSHOT, Label.SIREN]
    labels = [event.label for event in found(clip(*shots, *[QUIET] * 4, *unsure)).events]
    assert labels == [Label.GUNSHOT]


def test_events_of_several_labels_come_in_order_of_time():
    shot, siren = [(9.0, 0.0, 0.0)] * 2, [(0.0, 0.0, 9.0)] * 2
    events = found(clip(*shot, *[QUIET] * 5, *siren, *[QUIET] * 5, *shot)).events
    assert [str(event.label) for event in events] == ["gunshot", "siren", "gunshot"]


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 12), st.just(2), st.just(4)),
        elements=st.floats(-15, 15, width=32),
    )
)
def test_label_and_events_never_contradict_each_other(both):
    both[:, :, 0] = 0
    logits = Logits(both[:, 0], both[:, 1])
    prediction = found(logits)
    labels = {event.label for event in prediction.events}
    if prediction.label is Label.CASUAL:
        assert labels == set()
    else:
        assert prediction.label in labels
        assert Label.CASUAL not in labels
    assert float(prediction.probabilities.sum()) == pytest.approx(1, abs=1e-5)
    for event in prediction.events:
        assert event.start_s < event.end_s
        assert 0 < event.confidence <= 1
