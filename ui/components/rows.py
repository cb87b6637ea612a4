"""Results as rows: of the table on the page, and of the CSV that is downloaded."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
from pandas.io.formats.style import Styler

from earshot.labels import LABELS
from earshot.results.result import Rejection, Result
from earshot.results.serialization import to_json
from ui.components import palette

_CSV_COLUMNS = (
    "timestamp", "clip_id", "source", "recorded_at", "status", "label", "confidence", "uncertain",
    "verified_label", *(f"probability_{label}" for label in LABELS), "events", "duration_s",
    "model_version", "key", "reason",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def table(results: Iterable[Result], time_zone: str) -> Styler:
    """Rows for people, in the time zone of their browser.

    Confidences are numbers, by which they are sorted, and read as `palette.per_cent` has them.
    """
    rows = pd.DataFrame(_row(result, time_zone) for result in results)
    return rows.style.format({"confidence": palette.per_cent}, na_rep="")


def local_time(time: datetime, time_zone: str) -> datetime:
    """A time as the clock on the wall shows it."""
    return time.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)


def to_csv(results: Sequence[Result]) -> str:
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


def _row(result: Result, time_zone: str) -> dict[str, Any]:
    classification = result.classification
    return {
        "time": local_time(result.timestamp, time_zone),
        "label": palette.label_title(result),
        "confidence": classification and classification.confidence,
        "events": len(classification.events) if classification else 0,
        "source": result.source,
        "checked": _checked(result),
        "model": classification and classification.model_version,
    }


def _checked(result: Result) -> str:
    verified = result.verified_label
    if not verified or not result.classification:
        return ""
    confirmed = verified == result.classification.label
    return "confirmed" if confirmed else f"corrected to {palette.title(verified)}"
