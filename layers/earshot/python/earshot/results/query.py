"""Queries of the results, and the cursors between their pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from earshot.errors import BadRequestError
from earshot.labels import Label
from earshot.results.result import MAX_LATE, Result, time_of
from earshot.results.states import State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime.max.replace(tzinfo=UTC)
_TIME_DIGITS = 13  # milliseconds since 1970; enough until the year 2286
CURSOR_PATTERN = rf"^[0-9]{{{_TIME_DIGITS}}}-[0-9a-f]{{32}}$"


class TimeOf(StrEnum):
    """Which time of a result the ends of a query are about."""

    RECORDED = "recorded"
    CLASSIFIED = "classified"


@dataclass(frozen=True)
class ResultQuery:
    """Filters of the results, which come newest first.

    Attributes:
        label: of the classification; None for any, rejected clips among them.
        source: None for any.
        start: first time, inclusive.
        end: last time, exclusive.
        min_confidence: 0..1; None for any, rejected clips among them.
        states: all of which hold.
        by: which time `start` and `end` are about: that of `earshot.results.result.time_of`, or
            that of the classification alone.
    """

    label: Label | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None
    states: frozenset[State] = frozenset()
    by: TimeOf = TimeOf.RECORDED

    @property
    def classified_before(self) -> datetime | None:
        """Time before which all of its results were classified; None without one."""
        if self.end is None or self.by is TimeOf.CLASSIFIED:
            return self.end
        return self.end + MAX_LATE if self.end < _LATEST - MAX_LATE else None

    def time_of(self, recorded_at: datetime | None, timestamp: datetime) -> datetime:
        """The time of a result that is compared with `start` and `end`."""
        return timestamp if self.by is TimeOf.CLASSIFIED else time_of(recorded_at, timestamp)

    def spans(self, time: datetime) -> bool:
        """Whether a time is neither before `start` nor at or after `end`."""
        return (self.start is None or self.start <= time) and (self.end is None or time < self.end)


@dataclass(frozen=True)
class Position:
    """Where a page ends: the id of its last result, and the time that it is ordered by."""

    time: datetime
    clip_id: str


@dataclass(frozen=True)
class Page:
    """Results, newest first.

    Attributes:
        results: may be fewer than asked for even where there are more.
        end: position from which there may be more; None if that was all.
    """

    results: list[Result]
    end: Position | None


def to_cursor(position: Position) -> str:
    """Text for a client to ask for the next page with; see `CURSOR_PATTERN`.

    It names a result and not a number of results, so what arrives in the meantime neither
    repeats nor hides a row.
    """
    milliseconds = (position.time - _EPOCH) // timedelta(milliseconds=1)
    return f"{milliseconds:0{_TIME_DIGITS}}-{position.clip_id}"


def from_cursor(cursor: str) -> Position:
    """Position of a cursor; any text of the pattern is a position.

    Raises:
        BadRequestError: the text does not have the pattern of a cursor.
    """
    if not re.fullmatch(CURSOR_PATTERN, cursor):
        raise BadRequestError("The cursor is not the `next_cursor` of a page.")
    milliseconds, _, clip_id = cursor.partition("-")
    time = _EPOCH + timedelta(milliseconds=int(milliseconds))
    return Position(time, clip_id)
