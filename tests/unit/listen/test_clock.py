"""Times of a live stream: never from the future, right after gaps, and after the clock was set."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from earshot_client.listen.clock import LiveClock, RecordingClock, clock_fault

NOW = datetime(2026, 11, 27, 22, 0, tzinfo=UTC).timestamp()


class Machine:
    """A machine's two clocks, which start at different times."""

    def __init__(self) -> None:
        self.monotonic_s = 500.0
        self.offset = NOW - 500.0

    def clock(self) -> LiveClock:
        return LiveClock(lambda: self.offset + self.monotonic_s, lambda: self.monotonic_s)

    def record(self, clock: LiveClock, seconds: float, *, wait: float | None = None) -> None:
        """Sound arrives, a tenth of a second at a time, in its own time unless it says another."""
        for _ in range(round(10 * seconds)):
            self.monotonic_s += (seconds if wait is None else wait) / round(10 * seconds)
            clock.arrived(1600, self.monotonic_s)


def second(clock: LiveClock, sample_s: float) -> float:
    """When a sample was recorded, in seconds after `NOW`."""
    return clock.time_of(round(16000 * sample_s)).timestamp() - NOW


def test_a_sample_was_recorded_when_it_arrived():
    machine = Machine()
    clock = machine.clock()
    machine.record(clock, 20)
    assert clock.settle() == []
    assert second(clock, 0) == pytest.approx(0, abs=0.11)
    assert second(clock, 12.5) == pytest.approx(12.5, abs=0.11)


def test_what_a_server_had_in_store_is_older_than_the_connection():
    machine = Machine()
    clock = machine.clock()
    machine.record(clock, 10, wait=0.2)
    machine.record(clock, 5)
    clock.settle()
    assert second(clock, 15) == pytest.approx(5.2, abs=0.11), "none is from the future"
    assert second(clock, 0) == pytest.approx(-9.8, abs=0.11)


def test_a_network_that_was_held_up_loses_no_time():
    machine = Machine()
    clock = machine.clock()
    machine.record(clock, 8)
    assert clock.settle() == []
    machine.monotonic_s += 5
    machine.record(clock, 5, wait=0.1)
    machine.record(clock, 3)
    assert clock.settle() == []
    assert second(clock, 16) == pytest.approx(16.1, abs=0.2)


def test_sound_that_never_came_is_missing_and_the_rest_has_its_true_time():
    machine = Machine()
    clock = machine.clock()
    machine.record(clock, 8)
    clock.settle()
    machine.monotonic_s += 30
    machine.record(clock, 8)
    assert clock.settle() == ["30.0 s of sound are missing from the stream"]
    assert second(clock, 16) == pytest.approx(46, abs=0.11)
    machine.record(clock, 8)
    assert clock.settle() == [], "it is said once"


def test_a_crystal_that_is_slow_does_not_let_times_run_away():
    machine = Machine()
    clock = machine.clock()
    for _ in range(1000):
        machine.record(clock, 8, wait=8.01)  # 0.1 %, tens of times what crystals are off
        clock.settle()
    assert second(clock, 8000) == pytest.approx(8010, abs=1.2)


@pytest.mark.parametrize("step_s", [-3600.0, 55 * 365 * 86400.0])
def test_a_clock_that_is_set_is_named_and_followed(step_s):
    machine = Machine()
    clock = machine.clock()
    machine.record(clock, 8)
    assert clock.settle() == []
    machine.offset += step_s
    machine.record(clock, 8)
    (remark,) = clock.settle()
    assert f"set by {step_s:+.1f} s" in remark
    assert second(clock, 16) == pytest.approx(16 + step_s, abs=0.11)
    machine.offset += 0.05  # as NTP corrects it
    assert clock.settle() == []


def test_a_recording_keeps_its_time_however_it_arrives():
    start = datetime(2024, 7, 2, 6, 44, 4, tzinfo=UTC)
    clock = RecordingClock(start)
    clock.arrived(160000, 12.0)
    assert clock.settle() == []
    assert clock.time_of(24000) == start + timedelta(seconds=1.5)


def test_a_clock_that_was_never_set_is_named():
    assert "1970-01-01" in str(clock_fault(datetime(1970, 1, 1, tzinfo=UTC)))
    assert clock_fault(datetime(2026, 11, 28, tzinfo=UTC)) is None
