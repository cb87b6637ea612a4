"""Queries of the results, and the cursors between their pages."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from earshot.errors import BadRequestError
from earshot.labels import Label
from earshot.results.result import Result
from earshot.results.states import State

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME_DIGITS = 13  # milliseconds since 1970; enough until the year 2286
CURSOR_PATTERN = rf"^[0-9]{{{_TIME_DIGITS}}}-[0-9a-f]{{32}}$"


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
    """

    label: Label | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None
    states: frozenset[State] = frozenset()


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
