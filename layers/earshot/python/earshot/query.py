"""Questions to the results: which ones, and where the next page begins."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import datetime

from earshot.errors import BadRequestError
from earshot.labels import Label
from earshot.result import Result
from earshot.uploads import format_time, parse_time

_CLIP_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class ResultQuery:
    """Which results are asked for; newest first.

    Attributes:
        label: that was heard; None for any, rejected clips among them.
        source: None for any.
        start: first time, inclusive.
        end: last time, exclusive.
        min_confidence: 0..1; None for any, rejected clips among them.
    """

    label: Label | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None


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


def to_cursor(position: Position) -> str:
    """Opaque text for a client to ask for the next page with.

    It names a result and not a number of results, so what arrives in the meantime neither
    repeats nor hides a row.
    """
    content = json.dumps([position.timestamp, position.clip_id])
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def from_cursor(cursor: str) -> Position:
    """Position that a cursor means.

    Raises:
        BadRequestError: the cursor is none of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        timestamp, clip_id = content
        if format_time(parse_time(timestamp)) != timestamp or not _CLIP_ID.fullmatch(clip_id):
            raise ValueError(content)
    except (ValueError, TypeError, AttributeError) as error:
        raise BadRequestError("The cursor is not one that /results gave.") from error
    return Position(timestamp, clip_id)
