"""A source: its settings, what is known of its microphone, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from earshot.results.serialization import optional_time
from earshot.sources.settings import SourceSettings, settings_from_json
from earshot.times import format_time, shown

# A listener sends a segment every few seconds, and reports on itself every minute.
LISTENER_SILENCE = timedelta(minutes=5)
# A source that has sent nothing for so long is one that was taken down.
FORGOTTEN_AFTER = timedelta(days=14)
# A clock may be off by so much. What was recorded earlier may have waited to be sent.
CLOCK_TOLERANCE_S = 60.0
# A level that is so far below the usual one is that of a covered microphone, or of a loose cable.
LEVEL_FALL_DB = 25.0
# Each heartbeat moves the usual level by this share: about a day's worth of minutes.
_USUAL_SHARE = 1 / 1000
_EARLIEST_YEAR = 2000


@dataclass(frozen=True)
class Heartbeat:
    """What a listener reports about itself, once a minute.

    Attributes:
        sent_at: by the listener's clock.
        segments: recorded since the last one, whether they were sent or not.
        level_dbfs: of the last segment; None without any.
        microphone: what is wrong with it, for a person; None if nothing is.
        waiting: segments in its spool.
        dropped: segments that it had no room for.
    """

    sent_at: datetime
    segments: int
    level_dbfs: float | None = None
    microphone: str | None = None
    waiting: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Source:
    """A source.

    Attributes:
        source: its name, as clips carry it.
        settings: that people gave it.
        first_seen: when it was seen first.
        last_segment: when its last segment came, or was recorded by its listener.
        last_heartbeat: when its listener last reported; None without a listener.
        level_dbfs, microphone, waiting, dropped: as its listener last reported.
        usual_level_dbfs: a slow mean of its level.
        clock_off_s: how far its clock is ahead; 0 if that is within `CLOCK_TOLERANCE_S`.
        faults: that people were alerted of, and when, by kind.
    """

    source: str
    settings: SourceSettings = field(default_factory=SourceSettings)
    first_seen: datetime | None = None
    last_segment: datetime | None = None
    last_heartbeat: datetime | None = None
    level_dbfs: float | None = None
    usual_level_dbfs: float | None = None
    microphone: str | None = None
    waiting: int = 0
    dropped: int = 0
    clock_off_s: float = 0.0
    faults: Mapping[str, str] = field(default_factory=dict)

    def silent_after(self, default: timedelta) -> timedelta:
        """How long it may send nothing; zero for as long as it likes."""
        if self.settings.silent_after is not None:
            return self.settings.silent_after
        return LISTENER_SILENCE if self.last_heartbeat else default

    def found_faults(self, now: datetime, default_silence: timedelta) -> dict[str, str]:
        """What is wrong with it now: a sentence for a person, by kind."""
        found = {}
        limit = self.silent_after(default_silence)
        last = self.last_segment or self.first_seen or now
        forgotten = now - last > FORGOTTEN_AFTER and "silent" not in self.faults
        if limit and now - last > limit and not forgotten:
            found["silent"] = f"There is no segment since {shown(last, self.settings.time_zone)}."
        if not self.last_heartbeat or now - self.last_heartbeat > LISTENER_SILENCE:
            # Nobody reports whether it is over.
            found |= {k: v for k, v in self.faults.items() if k in {"microphone", "level"}}
        elif self.microphone:
            found["microphone"] = f"The microphone is {self.microphone}."
        elif self._level_fell():
            found["level"] = (
                f"The level fell to {self.level_dbfs:.0f} dBFS from the usual "
                f"{self.usual_level_dbfs:.0f}."
            )
        if self.clock_off_s:
            direction = "ahead" if self.clock_off_s > 0 else "behind"
            found["clock"] = f"The clock is {abs(self.clock_off_s):.0f} s {direction}."
        return found

    def usual_level(self, beat: Heartbeat) -> float | None:
        """The usual level, once a heartbeat is counted in; a faulty microphone's is not."""
        if beat.level_dbfs is None or beat.microphone:
            return self.usual_level_dbfs
        usual = self.usual_level_dbfs
        if usual is None:
            return beat.level_dbfs
        return round(usual + _USUAL_SHARE * (beat.level_dbfs - usual), 3)

    def to_json(self) -> dict[str, Any]:
        """JSON object of a source."""
        return {
            "source": self.source,
            **self.settings.to_json(),
            "first_seen": self.first_seen and format_time(self.first_seen),
            "last_segment": self.last_segment and format_time(self.last_segment),
            "last_heartbeat": self.last_heartbeat and format_time(self.last_heartbeat),
            "level_dbfs": self.level_dbfs,
            "usual_level_dbfs": self.usual_level_dbfs,
            "microphone": self.microphone,
            "waiting": self.waiting,
            "dropped": self.dropped,
            "clock_off_s": self.clock_off_s,
            "faults": dict(self.faults),
        }

    def _level_fell(self) -> bool:
        if self.level_dbfs is None or self.usual_level_dbfs is None:
            return False
        return self.level_dbfs < self.usual_level_dbfs - LEVEL_FALL_DB


def source_from_json(document: Mapping[str, Any]) -> Source:
    """Source of its JSON object; see `Source.to_json`."""
    level, usual = document.get("level_dbfs"), document.get("usual_level_dbfs")
    return Source(
        source=document["source"],
        settings=settings_from_json(document),
        first_seen=optional_time(document.get("first_seen")),
        last_segment=optional_time(document.get("last_segment")),
        last_heartbeat=optional_time(document.get("last_heartbeat")),
        level_dbfs=None if level is None else float(level),
        usual_level_dbfs=None if usual is None else float(usual),
        microphone=document.get("microphone"),
        waiting=int(document.get("waiting") or 0),
        dropped=int(document.get("dropped") or 0),
        clock_off_s=float(document.get("clock_off_s") or 0),
        faults=dict(document.get("faults") or {}),
    )


def clock_off_s(recorded_at: datetime | None, now: datetime) -> float | None:
    """How far the clock that gave a time is ahead, in seconds; 0 if that may be right.

    What waited to be sent is old, so only what is from the future, or from before there were
    such devices, shows a wrong clock. None if there is no time.
    """
    if recorded_at is None:
        return None
    off = (recorded_at - now).total_seconds()
    if off > CLOCK_TOLERANCE_S or recorded_at.year < _EARLIEST_YEAR:
        return round(off, 1)
    return 0.0
