"""What `make bench ONLY=alert` counts: lost and doubled segments, and the parts of each time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

from bench.alert import HOP_S, SEGMENT_S, onsets, percentiles, segments, times
from earshot.times import format_time
from tests.unit.sample_results import NOON, classified

SOURCE = "listener 0"


def segment(n: int) -> Any:
    start = NOON + timedelta(seconds=n * HOP_S)
    done = start + timedelta(seconds=SEGMENT_S + 0.5)
    return classified(f"c{n}", source=SOURCE, recorded_at=start, timestamp=done)


def counted(found: list[Any], seconds: float = 100.0) -> dict[str, Any]:
    return segments({SOURCE: found}, {SOURCE: NOON}, seconds, 0)


def test_segments_that_are_missing_or_there_twice_are_counted() -> None:
    whole = [segment(n) for n in range(11)]
    assert counted(whole)["lost"] == counted(whole)["doubled"] == 0
    assert counted(whole)["lag_s"]["max"] == 0.5
    assert counted([*whole[:4], *whole[6:]])["lost"] == 2
    assert counted([*whole, replace(whole[3], clip_id="again")])["doubled"] == 1
    assert counted(whole[:5])["lost"] == 6, "also where they end too early"


def test_times_are_of_the_first_alert_that_holds_the_onset() -> None:
    seconds = 60.0
    (onset,) = onsets(seconds)
    holding = [n for n in range(8) if 0 <= onset - n * HOP_S < SEGMENT_S]
    found = {SOURCE: [segment(n) for n in range(8)]}
    alerts = [
        {
            "source": SOURCE,
            "clip_id": one.clip_id,
            "alert_id": one.clip_id,
            "recorded_at": format_time(one.recorded_at),
            "alerted_at": format_time(one.timestamp + timedelta(seconds=0.15)),
        }
        for one in found[SOURCE]
    ]
    arrived = {one.clip_id: one.timestamp.timestamp() + 0.25 for one in found[SOURCE]}
    got = times(found, {SOURCE: NOON}, alerts, arrived, seconds)
    assert (got["onsets"], got["not_alerted"]) == (1, 0)
    assert got["segment_to_result_s"]["p50"] == 0.5
    assert got["result_to_alert_s"]["p50"] == 0.15
    assert got["alert_to_receiver_s"]["p50"] == 0.1
    end = holding[0] * HOP_S + SEGMENT_S
    assert got["total_s"]["p50"] == round(end + 0.75 - onset, 2)
    assert times(found, {SOURCE: NOON}, [], {}, seconds)["not_alerted"] == 1


def test_onsets_come_at_every_place_of_the_hop() -> None:
    places = sorted(onset % HOP_S for onset in onsets(600.0))
    assert len(places) == 24
    assert max(b - a for a, b in pairwise(places)) < 1.0
    assert percentiles([]) == {}
