"""Stretches of time that people ask for, by the clock on their wall."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

LAST_HOUR, LAST_NIGHT, TODAY, WEEK, ANY, DAYS = (
    "Last hour", "Last night", "Today", "Last 7 days", "Any time", "Days …"
)  # fmt: skip
NAMES = (LAST_HOUR, LAST_NIGHT, TODAY, WEEK, ANY, DAYS)
EVENING, MORNING = time(20), time(6)


@dataclass(frozen=True)
class Span:
    """A stretch of time.

    Attributes:
        start: None from the first result on.
        end: None until now and after.
    """

    start: datetime | None
    end: datetime | None

    def holds(self, time: datetime) -> bool:
        """Whether a time is within it."""
        return (self.start is None or self.start <= time) and (self.end is None or time < self.end)

    def words(self, zone: str) -> str:
        """It in words, such as ``27 Nov, 20:00 to 28 Nov, 06:00``."""
        if self.start is None:
            return "any time"
        here = ZoneInfo(zone)
        first = f"{self.start.astimezone(here):%d %b, %H:%M}"
        return (
            f"{first} to {self.end.astimezone(here):%d %b, %H:%M}" if self.end else f"since {first}"
        )


def span(name: str, now: datetime, zone: str, days: tuple[date, date] | None = None) -> Span:
    """The span of a name.

    Args:
        name: of `NAMES`.
        now: the time, with any zone.
        zone: IANA name of the time zone of evening, morning and midnight.
        days: first and last day of `DAYS`.
    """
    here = ZoneInfo(zone)
    today = now.astimezone(here).date()
    yesterday = today - timedelta(days=1)
    if name == LAST_HOUR:
        return Span(now - timedelta(hours=1), None)
    if name == LAST_NIGHT:
        return Span(
            datetime.combine(yesterday, EVENING, here), datetime.combine(today, MORNING, here)
        )
    if name == TODAY:
        return Span(datetime.combine(today, time(), here), None)
    if name == WEEK:
        return Span(datetime.combine(today - timedelta(days=6), time(), here), None)
    if name == DAYS and days:
        after = days[1] + timedelta(days=1)
        return Span(datetime.combine(days[0], time(), here), datetime.combine(after, time(), here))
    return Span(None, None)


def of_milliseconds(text: str) -> datetime:
    """The time of a page's address; 1970 for what is no number of milliseconds since then."""
    return datetime.fromtimestamp(int(text) / 1000 if text.isdecimal() else 0, UTC)
