"""When the samples of a stream were recorded.

A stream has no time of its own that could be trusted: a camera's clock may be years off. What is
known is when its samples arrived here, and that none can be from the future.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol

from earshot.audio.log_mel import SAMPLE_RATE

# Sound that is later than that, for as long as a segment lasts, is sound after a gap.
GAP_S = 1.0
# A step of the system's clock; what is smaller is its ordinary correction.
STEP_S = 1.0
# A board without a battery starts in 1970, or when its image was made.
_UNSET_BEFORE = datetime(2026, 1, 1, tzinfo=UTC)


class Clock(Protocol):
    """Gives samples their times."""

    def arrived(self, n_samples: int, monotonic_s: float) -> None:
        """Note that so many more samples have arrived."""

    def settle(self) -> list[str]:
        """Correct the times by what arrived since the last call; remarks for a person."""

    def time_of(self, sample: int) -> datetime:
        """When a sample of the stream was recorded, counted from 0."""


class RecordingClock:
    """Times of a recording that began at a known time.

    Args:
        start: of its first sample.
    """

    def __init__(self, start: datetime) -> None:
        self._start = start

    def arrived(self, n_samples: int, monotonic_s: float) -> None:
        """The time of arrival says nothing about a recording."""

    def settle(self) -> list[str]:
        """There is nothing to correct."""
        return []

    def time_of(self, sample: int) -> datetime:
        """Time of a sample."""
        return self._start + timedelta(seconds=sample / SAMPLE_RATE)


class LiveClock:
    """Times of a live stream, by the arrival of its samples and their number.

    The first samples may be some seconds old, because servers send what they have in store, and a
    network that was held up sends late what it owes. So the stream's start is the earliest that
    fits what has arrived; it moves to a later time only if all that arrived while a segment was
    recorded is late: then sound is missing.

    Args:
        wall: the time by the system's clock, in seconds since 1970.
        monotonic: seconds that only ever grow, by which `arrived` is called.
    """

    def __init__(self, wall: Callable[[], float], monotonic: Callable[[], float]) -> None:
        self._wall = wall
        self._monotonic = monotonic
        self._offset = wall() - monotonic()
        self._start: float | None = None
        self._n = 0
        self._least_late: float | None = None

    def arrived(self, n_samples: int, monotonic_s: float) -> None:
        """Note that so many more samples have arrived, at a monotonic time."""
        self._n += n_samples
        start = monotonic_s - self._n / SAMPLE_RATE
        if self._start is None or start < self._start:
            self._start = start
        late = start - self._start
        self._least_late = late if self._least_late is None else min(self._least_late, late)

    def settle(self) -> list[str]:
        """Correct for missing sound and for steps of the system's clock; what was found."""
        remarks = []
        if self._start is not None and self._least_late is not None and self._least_late > GAP_S:
            self._start += self._least_late
            remarks.append(f"{self._least_late:.1f} s of sound are missing from the stream")
        self._least_late = None
        offset = self._wall() - self._monotonic()
        step = offset - self._offset
        self._offset = offset
        if abs(step) > STEP_S:
            remarks.append(
                f"the clock of this machine was set by {step:+.1f} s, or the machine slept; times "
                "of segments follow it"
            )
        return remarks

    def time_of(self, sample: int) -> datetime:
        """Time of a sample, by the system's clock as of the last `settle`."""
        start = self._monotonic() if self._start is None else self._start
        return datetime.fromtimestamp(self._offset + start + sample / SAMPLE_RATE, UTC)


def clock_fault(now: datetime) -> str | None:
    """What is wrong with the system's clock, for a person; None if nothing seems to be."""
    if now < _UNSET_BEFORE:
        return f"the clock of this machine says {now:%Y-%m-%d}; segments have wrong times"
    return None
