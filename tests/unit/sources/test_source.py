"""What is wrong with a source, as of the moment."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from earshot.sources.settings import SourceSettings
from earshot.sources.source import Heartbeat, Source, clock_off_s, source_from_json
from tests.unit.sample_results import NOON

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
NEVER = timedelta(0)


def seen(ago: timedelta, **changes: Any) -> Source:
    """A source whose last segment came so long ago."""
    return Source("gate", first_seen=NOON - 30 * DAY, last_segment=NOON - ago, **changes)


def kinds(source: Source, default: timedelta = NEVER, now: datetime = NOON) -> set[str]:
    return set(source.found_faults(now, default))


def test_a_source_may_be_silent_for_as_long_as_its_limit():
    assert kinds(seen(DAY)) == set(), "by default for as long as it likes"
    assert kinds(seen(timedelta(hours=25)), DAY) == {"silent"}
    assert kinds(seen(timedelta(hours=23)), DAY) == set()
    own = SourceSettings(silent_after=10 * MINUTE)
    assert kinds(seen(11 * MINUTE, settings=own), DAY) == {"silent"}
    assert kinds(seen(9 * MINUTE, settings=own), DAY) == set()
    careless = SourceSettings(silent_after=NEVER)
    assert kinds(seen(5 * DAY, settings=careless), DAY) == set()


def test_with_a_listener_five_minutes_are_long():
    assert kinds(seen(4 * MINUTE, last_heartbeat=NOON)) == set()
    assert kinds(seen(6 * MINUTE, last_heartbeat=NOON)) == {"silent"}, "its camera is gone"
    assert kinds(seen(6 * MINUTE, last_heartbeat=NOON - 6 * MINUTE)) == {"silent"}
    never_recorded = Source("gate", first_seen=NOON - 6 * MINUTE, last_heartbeat=NOON)
    assert kinds(never_recorded) == {"silent"}


def test_what_was_taken_down_raises_no_alert_and_what_was_reported_is_not_over():
    assert kinds(seen(15 * DAY), DAY) == set()
    assert kinds(seen(15 * DAY, faults={"silent": "since"}), DAY) == {"silent"}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"microphone": "clipped"}, {"microphone"}),
        ({"level_dbfs": -66.0, "usual_level_dbfs": -40.0}, {"level"}),
        ({"level_dbfs": -64.0, "usual_level_dbfs": -40.0}, set()),
        ({"level_dbfs": -20.0, "usual_level_dbfs": -60.0}, set()),
        ({"clock_off_s": 3600.0}, {"clock"}),
    ],
)
def test_a_deaf_microphone_and_a_wrong_clock(changes, found):
    assert kinds(seen(MINUTE, last_heartbeat=NOON, **changes)) == found


def test_a_fault_of_the_microphone_is_not_over_because_its_listener_died():
    gone = seen(MINUTE, last_heartbeat=NOON - 10 * MINUTE, faults={"level": "fell"})
    assert kinds(gone) == {"level"}


def test_the_usual_level_moves_slowly_and_not_with_a_fault():
    beat = Heartbeat(NOON, 7, level_dbfs=-60)
    source = seen(MINUTE)
    assert source.usual_level(beat) == -60
    known = replace(source, usual_level_dbfs=-40.0)
    assert known.usual_level(beat) == pytest.approx(-40.02)
    assert known.usual_level(replace(beat, microphone="silent", level_dbfs=-120)) == -40
    assert known.usual_level(replace(beat, level_dbfs=None)) == -40


@pytest.mark.parametrize(
    ("recorded", "off"),
    [
        (NOON + timedelta(seconds=59), 0.0),
        (NOON + timedelta(seconds=61), 61.0),
        (NOON - timedelta(days=300), 0.0),  # it waited to be sent
        (datetime(1970, 1, 1, tzinfo=NOON.tzinfo), -1769860800.0),
        (None, None),
    ],
)
def test_a_time_from_the_future_or_of_1970_shows_a_wrong_clock(recorded, off):
    assert clock_off_s(recorded, NOON) == off


def test_a_source_is_the_same_after_json():
    source = seen(
        MINUTE, last_heartbeat=NOON, level_dbfs=-40.5, usual_level_dbfs=-41.0, microphone="stuck",
        waiting=3, dropped=4, clock_off_s=61.0, faults={"clock": "off"},
    )  # fmt: skip
    assert source_from_json(source.to_json()) == source
    assert source_from_json(Source("new").to_json()) == Source("new")
