"""Events in time, by hand and by psds_eval 0.5.3 with each score as an operating point."""

from __future__ import annotations

import pytest

from earshot.labels import Label
from training.evaluation.event_metrics import AnnotatedRecording, TrueEvent, event_f1, psds
from training.evaluation.scores import ScoredEvent

GUNSHOT, EXPLOSION, SIREN = Label.GUNSHOT, Label.EXPLOSION, Label.SIREN

RECORDINGS = [
    AnnotatedRecording(
        [TrueEvent(GUNSHOT, 1, 2), TrueEvent(SIREN, 10, 16)],
        [
            ScoredEvent(GUNSHOT, 0.5, 1.96, 0.9),
            ScoredEvent(SIREN, 11, 15, 0.8),
            ScoredEvent(GUNSHOT, 20, 21, 0.6),
        ],
        60,
    ),
    AnnotatedRecording(
        [TrueEvent(GUNSHOT, 3, 4), TrueEvent(SIREN, 20, 26)],
        [
            ScoredEvent(GUNSHOT, 3.4, 3.9, 0.5),
            ScoredEvent(SIREN, 22, 23, 0.7),
            ScoredEvent(SIREN, 24, 24.5, 0.3),
            ScoredEvent(SIREN, 8, 9, 0.85),
        ],
        60,
    ),
    AnnotatedRecording(
        [TrueEvent(EXPLOSION, 5, 8)],
        [ScoredEvent(EXPLOSION, 4, 9, 0.4), ScoredEvent(GUNSHOT, 5, 7, 0.95)],
        60,
    ),
]


@pytest.mark.parametrize(
    ("share", "instability_cost", "expected"),
    [(0.1, 1.0, 0.7195262145875635), (0.5, 0.0, 0.7), (0.7, 0.0, 0.0)],
)
def test_psds_is_that_of_psds_eval(share: float, instability_cost: float, expected: float) -> None:
    score = psds(
        RECORDINGS,
        detection_tolerance=share,
        ground_truth_intersection=share,
        instability_cost=instability_cost,
    )
    assert score == pytest.approx(expected, abs=1e-12)


def test_psds_of_what_is_perfect_and_of_nothing() -> None:
    true = [TrueEvent(SIREN, 1, 5)]
    perfect = AnnotatedRecording(true, [ScoredEvent(SIREN, 1, 5, 0.5)], 60)
    assert psds([perfect]) == 1.0
    assert psds([AnnotatedRecording(true, [], 60)]) == 0.0
    with pytest.raises(ValueError, match="no recording"):
        psds([AnnotatedRecording([], perfect.found, 60)])


def test_event_f1_is_of_onsets() -> None:
    of_label = event_f1(RECORDINGS)
    # Gunshots start at 1 and 3; found at 0.5 and 3.4 in time, and two more: 2 * 2 / (2 + 4).
    assert of_label[GUNSHOT] == pytest.approx(4 / 6)
    # Sirens start at 10 and 20; the nearest found ones at 11 and 22, which is too late.
    assert of_label[SIREN] == 0.0
    assert of_label[EXPLOSION] == 0.0
    assert event_f1(RECORDINGS, collar_s=1.0)[EXPLOSION] == 1.0
    assert event_f1([AnnotatedRecording([], [], 60)])[SIREN] is None


def test_a_true_event_is_matched_once() -> None:
    twice = [ScoredEvent(GUNSHOT, 1.0, 2, 0.9), ScoredEvent(GUNSHOT, 1.2, 2, 0.9)]
    recording = AnnotatedRecording([TrueEvent(GUNSHOT, 1.1, 2)], twice, 60)
    assert event_f1([recording])[GUNSHOT] == pytest.approx(2 / 3)
