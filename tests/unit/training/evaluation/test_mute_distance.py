"""What would be muted is found from the events of sounds, whatever they are compared by."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earshot.alerts.mutes import GREATEST_DISTANCE
from earshot.labels import Label
from training.evaluation.ambient import AmbientRecording
from training.evaluation.mute_distance import (
    Likeness,
    of_repeats,
    of_threats,
    tolerable,
)
from training.evaluation.mute_sounds import AlarmEvent, FalseAlarm, Repeat, ThreatAlarm


def event(label: Label, *values: float) -> AlarmEvent:
    vector = np.array(values, np.float32)
    return AlarmEvent(label, vector, vector, vector[None])


def alarm(tmp_path, *events: AlarmEvent) -> FalseAlarm:
    stream = AmbientRecording(tmp_path, "kitchen", Label.CASUAL)
    return FalseAlarm(stream, 0.0, 10.0, "a", list(events))


@pytest.fixture
def likeness(tmp_path) -> Likeness:
    """Of a knock called a gunshot, and of a kettle called a siren and a gunshot."""
    knock = alarm(tmp_path, event(Label.GUNSHOT, 1, 0))
    kettle = alarm(tmp_path, event(Label.SIREN, 0, 1), event(Label.GUNSHOT, 0.6, 0.8))
    return Likeness(
        [knock, kettle],
        lambda a, b: np.stack([e.best for e in a]) @ np.stack([e.best for e in b]).T,
    )


def test_events_are_compared_with_those_of_their_label(likeness):
    found = likeness.of([event(Label.GUNSHOT, 1, 0), event(Label.SIREN, 0, 1)])
    np.testing.assert_allclose(found, [[1.0, 0.6], [-np.inf, 1.0]])


def test_a_repeat_is_muted_if_each_of_its_events_is(likeness):
    both = [event(Label.GUNSHOT, 1, 0), event(Label.SIREN, 0, 1)]
    found = [Repeat(0, "", both[:1]), Repeat(0, "", both), Repeat(1, "", both)]
    np.testing.assert_allclose(of_repeats(likeness, found), [1.0, -np.inf, 0.6])


def test_a_threat_is_muted_if_all_events_of_one_label_are(likeness):
    shots = [event(Label.GUNSHOT, 1, 0), event(Label.GUNSHOT, 0, 1)]
    siren = event(Label.SIREN, 0, 1)
    found = [ThreatAlarm(Label.GUNSHOT, "", None, e) for e in (shots, [*shots, siren])]
    assert of_threats(likeness, found, 2, 2)[:, 0].tolist() == pytest.approx([0.8, 1.0])


def test_the_mute_of_what_a_threat_is_mixed_into_is_among_those_drawn(likeness):
    mixed = ThreatAlarm(Label.SIREN, "at 0 dB", 1, [event(Label.SIREN, 0, 1)])
    assert set(of_threats(likeness, [mixed], 2, 1)[0]) == {1.0}


def test_the_threshold_in_use_is_the_one_in_the_document():
    document = (Path(__file__).parents[4] / "docs" / "muting.md").read_text()
    assert f"| **{GREATEST_DISTANCE:.1f}** |" in document


def test_one_in_two_hundred_is_tolerated():
    clear = np.zeros(1000, np.float32)
    clear[:5] = 1.0
    assert tolerable([clear]) < 1.0
    clear[:6] = 1.0
    assert tolerable([np.zeros(1000, np.float32), clear]) == 1.0
