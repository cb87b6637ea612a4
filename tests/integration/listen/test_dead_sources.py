"""A listener that dies raises an alert of its own kind, and so does one that comes back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.demos.streams import radio
from local.sweep import sweep
from tests.clips import wav
from tests.integration.alerts.test_alerting import Listener, subscriber
from tests.integration.listen.conftest import SHORT, Start
from tests.stack import LocalStack, wait_for
from training.data.demo_sounds import birdsong

ROUTE = "/sources/north%20porch"
LIMIT_S = 8
BEATING = (*SHORT, "--heartbeat", 1, "--source", "north porch")


@pytest.fixture
def listener(local_stack: LocalStack) -> Iterator[Listener]:
    with subscriber(local_stack, "sources") as listening:
        yield listening


class Watch:
    """Has the sources looked at, and keeps what is alerted of one of them."""

    def __init__(self, stack: LocalStack, listener: Listener, source: str) -> None:
        self._outputs, self._listener, self._source = stack.outputs, listener, source
        self.alerts: list[dict[str, Any]] = []

    def look(self) -> list[str]:
        """What is new: found by this look, or a moment before by that of the schedule."""
        sweep(self._outputs, {"watch": True})
        came = [one for one in self._listener.messages(1) if one["source"] == self._source]
        self.alerts += came
        return [f"{one['kind']} {one['fault']}" for one in came]


def beats(stack: LocalStack) -> dict[str, Any] | None:
    status, source = stack.call("GET", ROUTE)
    return source if status == 200 and source["level_dbfs"] is not None else None


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_a_killed_listener_is_reported_within_its_limit_and_when_it_is_back(
    local_stack: LocalStack, start: Start, listener: Listener
) -> None:
    watch = Watch(local_stack, listener, "north porch")
    limit = {"silent_after_s": LIMIT_S, "place": "by the lake", "addressees": ["ann"]}
    assert local_stack.call("PUT", ROUTE, limit)[0] == 200
    with radio(wav(birdsong(120.0))) as station:
        listening = start(station.url, *BEATING)
        source = wait_for(lambda: beats(local_stack))
        assert source["level_dbfs"] < 0
        assert watch.look() == []
        listening.kill()
        time.sleep(LIMIT_S + 1)
        assert watch.look() == ["source_fault silent"]
        assert watch.look() == [], "it is reported once"
        last = local_stack.call("GET", ROUTE)[1]["last_heartbeat"]
        start(station.url, *BEATING)
        wait_for(lambda: local_stack.call("GET", ROUTE)[1]["last_heartbeat"] > last)
        assert wait_for(watch.look) == ["source_recovered silent"]
    dead, alive = watch.alerts
    assert (dead["kind"], dead["fault"], dead["place"]) == ("source_fault", "silent", "by the lake")
    assert dead["addressees"] == ["ann"]
    assert alive["kind"] == "source_recovered"


def test_a_listener_with_a_wrong_clock_is_reported(
    local_stack: LocalStack, listener: Listener
) -> None:
    watch = Watch(local_stack, listener, "tower")
    beat = {"sent_at": "1970-01-01T00:05:00Z", "segments": 7, "level_dbfs": -40.0}
    for sent_at, news in (
        (beat["sent_at"], ["source_fault clock"]),
        (datetime.now(UTC).isoformat(), ["source_recovered clock"]),
        ((datetime.now(UTC) + timedelta(minutes=2)).isoformat(), ["source_fault clock"]),
    ):
        report = beat | {"sent_at": sent_at}
        assert local_stack.call("POST", "/sources/tower/heartbeat", report)[0] == 200
        assert watch.look() == news
    local_stack.call("POST", "/sources/tower/heartbeat", beat | {"microphone": "stuck"})
    assert watch.look() == ["source_fault microphone"]
