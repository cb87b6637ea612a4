"""What the commands print: tables and progress for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from earshot.alerts import alert as alert_json
from earshot.alerts.alert import Alert
from earshot.labels import Label
from earshot.results.result import Rejection, Result
from earshot.results.serialization import to_json

# Where nobody looks on, lines are for other programs and must not be folded. Names of files and
# sources are shown as they are: `[id]` in them is no markup, `:fire:` no picture.
console = Console(
    width=None if sys.stdout.isatty() else 200, markup=False, emoji=False, highlight=False
)
remarks = Console(stderr=True, markup=False, emoji=False, highlight=False, soft_wrap=True)


def print_json(document: Any) -> None:
    """Print a document as JSON."""
    print(json.dumps(document, indent=2))


def progress(*columns: ProgressColumn) -> Progress:
    """A progress bar on standard error; none where that is no terminal."""
    shown = columns or (DownloadColumn(), TimeRemainingColumn())
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *shown,
        console=remarks,
        disable=not sys.stderr.isatty(),
    )


def show(results: Mapping[str, Result], as_json: bool) -> None:
    """Print results, each under a name of its own."""
    if as_json:
        print_json([{"name": name, **to_json(result)} for name, result in results.items()])
        return
    table = Table(box=None)
    table.add_column("clip", overflow="fold")  # never cut short
    for column in ("label", "confidence", "seconds", "source", "timestamp"):
        right = column in {"confidence", "seconds"}
        table.add_column(column, justify="right" if right else "left", no_wrap=not right)
    for name, result in results.items():
        table.add_row(name, *_cells(result))
    console.print(table)


def show_alerts(alerts: Sequence[Alert], as_json: bool) -> None:
    """Print alerts."""
    if as_json:
        print_json([alert_json.to_json(alert) for alert in alerts])
        return
    table = Table("sent at", "label", box=None)
    table.add_column("confidence", justify="right")
    table.add_column("source")
    table.add_column("clip")
    for alert in alerts:
        table.add_row(
            _clock(alert.alerted_at),
            _label(alert.label, alert.verified_label),
            f"{alert.confidence:.2f}",
            alert.source,
            alert.clip_id,
        )
    console.print(table)


def _cells(result: Result) -> Iterable[str]:
    outcome, time = result.outcome, _clock(result.timestamp)
    if isinstance(outcome, Rejection):
        return (f"rejected: {outcome.code}", "", "", result.source, time)
    label = _label(outcome.label, result.verified_label)
    return (label, f"{outcome.confidence:.2f}", f"{outcome.duration_s:.1f}", result.source, time)


def _label(label: Label, verified: Label | None) -> str:
    return str(label) if verified in (None, label) else f"{label} (really {verified})"


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S}"
