"""What people set for a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from earshot.labels import Label
from earshot.times import format_time, parse_time

# Each is a rule of the uploads bucket's lifecycle, by the object's tag: S3 has no other way to have
# objects of one prefix expire after days of their own (Amazon S3 User Guide, "Lifecycle
# configuration elements").
RETENTION_DAYS = (1, 3, 7, 14, 30, 60, 90, 180, 365)


@dataclass(frozen=True)
class QuietHours:
    """Hours of each day in which a source raises no alert, by the source's own time.

    Attributes:
        start, end: of the day; if the end is before the start, it is on the next day.
    """

    start: time
    end: time

    def hold(self, at: time) -> bool:
        """Whether a time of day is in them."""
        if self.start <= self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end


@dataclass(frozen=True)
class SourceSettings:
    """Settings of a source. What is None, or missing, is as the template's parameters say.

    Attributes:
        name: for people.
        place: in words.
        time_zone: IANA name of the source's time zone.
        labels: that raise alerts.
        min_confidence: minimum confidence for an alert, by label.
        quiet_hours: in which no alert is raised.
        muted_until: before which no alert is raised.
        cooldown: time after an alert in which the same label raises no other.
        silent_after: how long the source may send nothing; zero for as long as it likes.
        retention_days: one of `RETENTION_DAYS`, after which its clips and results are deleted, if
            that is sooner than by the template's parameters.
        digest: labels whose alerts can wait for the daily digest.
        addressees: whom its alerts are for; a subscription of the topic can ask for its own.
    """

    name: str = ""
    place: str = ""
    time_zone: str = "UTC"
    labels: frozenset[Label] | None = None
    min_confidence: Mapping[Label, float] = field(default_factory=dict)
    quiet_hours: QuietHours | None = None
    muted_until: datetime | None = None
    cooldown: timedelta | None = None
    silent_after: timedelta | None = None
    retention_days: int | None = None
    digest: frozenset[Label] = frozenset()
    addressees: tuple[str, ...] = ()

    def silences(self, at: datetime, now: datetime) -> bool:
        """Whether what was recorded at some time raises no alert, whatever it is.

        Args:
            at: when it was recorded.
            now: the time.
        """
        if self.muted_until and now < self.muted_until:
            return True
        if self.quiet_hours is None:
            return False
        return self.quiet_hours.hold(at.astimezone(ZoneInfo(self.time_zone)).time())

    def to_json(self) -> dict[str, Any]:
        """JSON object with every setting."""
        quiet = self.quiet_hours
        return {
            "name": self.name,
            "place": self.place,
            "time_zone": self.time_zone,
            "labels": None if self.labels is None else sorted(map(str, self.labels)),
            "min_confidence": {str(k): v for k, v in self.min_confidence.items()},
            "quiet_hours": quiet and {"start": f"{quiet.start:%H:%M}", "end": f"{quiet.end:%H:%M}"},
            "muted_until": self.muted_until and format_time(self.muted_until),
            "cooldown_s": _seconds(self.cooldown),
            "silent_after_s": _seconds(self.silent_after),
            "retention_days": self.retention_days,
            "digest": sorted(map(str, self.digest)),
            "addressees": list(self.addressees),
        }


def settings_from_json(document: Mapping[str, Any]) -> SourceSettings:
    """Settings of their JSON object.

    Raises:
        ValueError: a label or a time is not one.
    """
    labels, quiet = document.get("labels"), document.get("quiet_hours")
    retention_days = document.get("retention_days")
    muted_until = document.get("muted_until")
    return SourceSettings(
        name=document.get("name") or "",
        place=document.get("place") or "",
        time_zone=document.get("time_zone") or "UTC",
        labels=None if labels is None else frozenset(map(Label, labels)),
        min_confidence={
            # As results have it. DynamoDB takes no numbers as small as a float may be.
            Label(k): round(float(v), 4)
            for k, v in (document.get("min_confidence") or {}).items()
        },
        quiet_hours=quiet
        and QuietHours(time.fromisoformat(quiet["start"]), time.fromisoformat(quiet["end"])),
        muted_until=parse_time(muted_until) if muted_until else None,
        cooldown=_duration(document.get("cooldown_s")),
        silent_after=_duration(document.get("silent_after_s")),
        # DynamoDB's numbers are decimals.
        retention_days=None if retention_days is None else int(retention_days),
        digest=frozenset(map(Label, document.get("digest") or ())),
        addressees=tuple(document.get("addressees") or ()),
    )


def _seconds(duration: timedelta | None) -> int | None:
    return None if duration is None else round(duration.total_seconds())


def _duration(seconds: Any) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=int(seconds))
