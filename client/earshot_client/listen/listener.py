"""The loop of `earshot listen`: record, cut, keep; and open again what broke off."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from earshot.times import format_time
from earshot_client.listen.capture import Capture, CaptureError
from earshot_client.listen.clock import Clock, LiveClock, RecordingClock, clock_fault
from earshot_client.listen.inputs import Input
from earshot_client.listen.level import Level, level_of
from earshot_client.listen.prefilter import Prefilter
from earshot_client.listen.segments import Segment, Segmenter
from earshot_client.listen.sending import Say, Sender, wait_s
from earshot_client.listen.spool import Spool, SpoolError

_LONGEST_WAIT_S = 30.0
# A fault that is in one segment alone is a door that was slammed.
_FAULT_SEGMENTS = 3


@dataclass(frozen=True)
class Options:
    """How to listen.

    Attributes:
        segment_s, hop_s: seconds of a segment, and from one's start to the next one's.
        recorded_at: when a recording began; None for what is live.
        report_s: seconds between reports.
        patience_s: seconds without sound after which a stream is opened again.
    """

    segment_s: float = 10.0
    hop_s: float = 8.0
    recorded_at: datetime | None = None
    report_s: float = 60.0
    patience_s: float = 20.0


class FaultWatch:
    """Reports when a microphone becomes faulty, and when it is well again.

    Attributes:
        reported: kind of the fault that was reported last; None if it is over.
    """

    def __init__(self) -> None:
        self.reported: str | None = None
        self._seen: str | None = None
        self._n = 0

    def news(self, level: Level) -> str | None:
        """A remark for a person, if there is something new."""
        fault = level.fault
        kind = fault.partition(":")[0] if fault else None
        self._n = self._n + 1 if kind == self._seen else 1
        self._seen = kind
        if self._n < _FAULT_SEGMENTS or kind == self.reported:
            return None
        self.reported = kind
        return f"the microphone is {fault}" if fault else "the microphone works again"


class Listener:
    """Listens until it is stopped, or its input ends.

    Args:
        wanted: what to listen to.
        options: how.
        spool: takes the segments.
        sender: empties the spool; it is woken here, and started elsewhere.
        prefilter: decides which segments are sent; None sends all.
        say: shows a person a message.
    """

    def __init__(
        self,
        wanted: Input,
        options: Options,
        spool: Spool,
        sender: Sender,
        prefilter: Prefilter | None,
        say: Say,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._input = wanted
        self._options = options
        self._spool = spool
        self._sender = sender
        self._prefilter = prefilter
        self._say = say
        self._now = now
        self._stopping = threading.Event()
        self._capture: Capture | None = None
        self._faults = FaultWatch()
        self._level: Level | None = None
        self._broke_off: str | None = None
        self._clock_fault_reported = False
        self._model_reported: tuple[str, str] | None = None
        self._reported_at = time.monotonic()
        self._beaten = 0
        self.segments = 0
        self.kept_back = 0

    @property
    def stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def stop(self) -> None:
        """End: what was recorded so far becomes a last segment. May be called from a signal."""
        self._stopping.set()
        if self._capture:
            self._capture.stop()

    def run(self) -> None:
        """Listen.

        Raises:
            MissingFfmpegError: there is none.
            CaptureError: an input that cannot be opened again broke off.
        """
        failures = 0
        while not self._stopping.is_set():
            before = self.segments
            try:
                self._listen_once()
            except CaptureError as error:
                failures = 1 if self.segments > before else failures + 1
                if not self._input.endless:
                    raise
                if str(error) != self._broke_off:  # while it is tried again, once is enough
                    self._say(f"{self._input.name}: {error}; trying again")
                self._broke_off = str(error)
            if not self._input.endless:
                break
            self._stopping.wait(wait_s(failures, _LONGEST_WAIT_S))

    def _listen_once(self) -> None:
        capture = Capture(self._input, self._options.patience_s)
        self._capture = capture
        clock: Clock = LiveClock(self._now, time.monotonic)
        if self._options.recorded_at:
            clock = RecordingClock(self._options.recorded_at)
        segmenter = Segmenter(clock, self._options.segment_s, self._options.hop_s)
        n_bytes = 0
        try:
            if self._stopping.is_set():  # while ffmpeg was started
                capture.stop()
            for pcm, arrived_at in capture.chunks():
                if pcm and not n_bytes:
                    self._broke_off = None
                    self._say(f"listening to {self._input.name}")
                n_bytes += len(pcm)
                clock.arrived(len(pcm) // 2, arrived_at)
                for segment in segmenter.add(pcm):
                    self._take(segment, segmenter)
                self._report()
        finally:
            capture.close()
            if last := segmenter.end():
                self._take(last, segmenter)

    def _take(self, segment: Segment, segmenter: Segmenter) -> None:
        while segmenter.remarks:
            self._say(segmenter.remarks.pop(0))
        self._check_clock(segment.start)
        self.segments += 1
        self._level = level_of(segment.samples)
        if news := self._faults.news(self._level):
            self._say(news)
        if self._prefilter and not self._prefilter.wants(segment):
            self.kept_back += 1
            return
        self._wait_for_room()
        dropped = self._spool.dropped
        try:
            self._spool.add(segment)
        except SpoolError as error:
            self._say(f"a segment cannot be kept: {error}")
        if self._spool.dropped > dropped:
            self._say(f"the spool is full; {self._spool.dropped} segments were dropped in all")

    def _wait_for_room(self) -> None:
        """A recording waits for the service; what is live does not."""
        while not (self._input.live or self._stopping.is_set()) and self._spool.full:
            self._stopping.wait(0.2)

    def _check_clock(self, start: datetime) -> None:
        fault = None if self._options.recorded_at else clock_fault(start)
        if fault and not self._clock_fault_reported:
            self._say(fault)
        self._clock_fault_reported = bool(fault)

    def _report(self) -> None:
        if time.monotonic() - self._reported_at < self._options.report_s:
            return
        self._reported_at = time.monotonic()
        self._say(self.summary())
        theirs, ours = self._sender.sent.model, None
        if self._prefilter and not self._prefilter.follows:
            ours = self._prefilter.model
        if theirs and ours and theirs not in (ours, self._model_reported):
            self._model_reported = theirs
            self._say(
                f"the service classifies with {theirs[0]}, the prefilter with another model, "
                f"{ours[0]}: bring this machine's --model up to date"
            )

    def vitals(self) -> dict[str, Any]:
        """What a heartbeat reports; the segments are those since the last call."""
        segments, self._beaten = self.segments - self._beaten, self.segments
        level = self._level
        return {
            "sent_at": format_time(datetime.fromtimestamp(self._now(), UTC)),
            "segments": segments,
            "level_dbfs": level and level.rms_dbfs,
            "microphone": self._faults.reported,
            "waiting": len(self._spool),
            "dropped": self._spool.dropped,
        }

    def summary(self) -> str:
        """What has been done so far, for a person."""
        sent = self._sender.sent
        parts = [f"{self.segments} segments", f"{sent.segments} sent"]
        if self._prefilter:
            parts.append(f"{self.kept_back} kept back by the prefilter")
        parts.append(f"{len(self._spool)} waiting")
        if self._spool.dropped:
            parts.append(f"{self._spool.dropped} dropped")
        if sent.refused:
            parts.append(f"{sent.refused} refused")
        parts.append(f"{sent.threats} with a threat")
        if self._level:
            parts.append(f"level {self._level}")
        return ", ".join(parts)


def speaker(write: Callable[[str], None]) -> Say:
    """A function that shows a person a message, with the time before it."""
    return lambda text: write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}")
