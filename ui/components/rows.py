"""Results as rows of the CSV that is downloaded, and times for people."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from earshot.labels import LABELS
from earshot.results.result import Rejection, Result
from earshot.results.serialization import to_json

_CSV_COLUMNS = (
    "timestamp", "clip_id", "source", "recorded_at", "status", "label", "confidence", "uncertain",
    "verified_label", *(f"probability_{label}" for label in LABELS), "events", "duration_s",
    "model_version", "key", "reason",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def local_time(time: datetime, time_zone: str) -> datetime:
    """A time as the clock on the wall shows it."""
    return time.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def to_csv(results: Iterable[Result]) -> str:
    """All results, a line each, times in UTC."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _CSV_COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for result in results:
        row, outcome = to_json(result), result.outcome
        if isinstance(outcome, Rejection):
            row["reason"] = outcome.code
        else:
            row |= {f"probability_{k}": v for k, v in outcome.probabilities.items()}
            row["events"] = "; ".join(f"{e.label} {e.start_s}-{e.end_s} s" for e in outcome.events)
        writer.writerow({name: _inert(value) for name, value in row.items()})
    return buffer.getvalue()


def _inert(value: Any) -> Any:
    """A text that no spreadsheet takes for a formula; a source may be anybody's."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_STARTS) else value
