"""Times as Earshot reads and writes them: ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo


def parse_time(text: str) -> datetime:
    """ISO 8601 time, in UTC; a time without a zone is taken for UTC.

    Raises:
        ValueError: the text is not one, or not within the years 1 to 9999.
    """
    time = datetime.fromisoformat(text.upper())  # Python knows no lower-case t and z
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is out of range") from error


def whole_milliseconds(time: datetime) -> datetime:
    """A time as precise as it is written, so that it is the same after it was read back."""
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def local_time(time: datetime, zone: str) -> str:
    """ISO 8601 with milliseconds and the offset of an IANA time zone at that time."""
    return time.astimezone(ZoneInfo(zone)).isoformat(timespec="milliseconds")


def shown(time: datetime, zone: str) -> str:
    """A time for a person, by an IANA time zone: ``2026-01-31 13:00:02 CET``."""
    return f"{time.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S %Z}"


def format_time(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as everywhere in Earshot; its order is that of time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
