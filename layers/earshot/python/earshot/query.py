"""Questions to the results: which ones, and where the next page begins."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from earshot.errors import BadRequestError
from earshot.labels import Label
from earshot.result import Result


@dataclass(frozen=True)
class ResultQuery:
    """Which results are asked for; newest first.

    Attributes:
        label: that was heard; None for any, rejected clips among them.
        source: None for any.
        start: first time, inclusive.
        end: last time, exclusive.
        min_confidence: 0..1; None for any, rejected clips among them.

    Raises:
        BadRequestError: no time lies between start and end.
    """

    label: Label | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None

    def __post_init__(self) -> None:
        if self.start and self.end and self.end - self.start < timedelta(milliseconds=1):
            raise BadRequestError("`from` must be before `to`.")


@dataclass(frozen=True)
class Position:
    """Where a page ends: the time and the id of its last result."""

    timestamp: str
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


def to_cursor(query: ResultQuery, position: Position) -> str:
    """Opaque text for a client to ask for the next page with.

    It names a result and not a number of results, so what arrives in the meantime neither
    repeats nor hides a row.
    """
    content = [position.timestamp, position.clip_id, _fingerprint(query)]
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


def from_cursor(query: ResultQuery, cursor: str) -> Position:
    """Position that a cursor means.

    Raises:
        BadRequestError: the cursor is none of ours, or belongs to a query with other filters.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        timestamp, clip_id, fingerprint = content
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadRequestError("The cursor is not one that /results gave.") from error
    if fingerprint != _fingerprint(query):
        raise BadRequestError(
            "The cursor belongs to a query with other filters. Send it with those it came from."
        )
    if not (isinstance(timestamp, str) and isinstance(clip_id, str) and timestamp and clip_id):
        raise BadRequestError("The cursor is not one that /results gave.")
    return Position(timestamp, clip_id)


def _fingerprint(query: ResultQuery) -> str:
    return hashlib.sha256(repr(query).encode()).hexdigest()[:12]
