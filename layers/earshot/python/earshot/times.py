"""Times as Earshot reads and writes them: ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime


def parse_time(text: str) -> datetime:
    """ISO 8601 time, in UTC; also where no zone is said.

    Raises:
        ValueError: it is none, or not within the years 1 to 9999.
    """
    time = datetime.fromisoformat(text.upper())  # Python knows no lower-case t and z
    try:
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"{text} is out of range") from error


def format_time(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as everywhere in Earshot; its order is that of time."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
