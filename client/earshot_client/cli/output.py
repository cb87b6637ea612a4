"""What the commands print: tables and progress for people, JSON for programs."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Sequence
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


class ResultLines:
    """Prints results as they come: a line each for people, or one JSON array for programs."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._n = 0

    def __enter__(self) -> ResultLines:
        return self

    def add(self, name: str, result: Result) -> None:
        """Print a result under a name."""
        self._n += 1
        if self._as_json:
            entry = json.dumps({"name": name, **to_json(result)}, indent=2)
            print(",\n" if self._n > 1 else "[\n", end="")
            print(textwrap.indent(entry, "  "), end="", flush=True)
            return
        if self._n == 1:
            print(_line("timestamp", "label", "confidence", "seconds", "source", "clip"))
        print(_line(*_cells(result), name), flush=True)

    def __exit__(self, *_: object) -> None:
        if self._as_json:
            print("\n]" if self._n else "[]")


def _line(time: str, label: str, confidence: str, seconds: str, source: str, name: str) -> str:
    """Columns of a result. The name comes last and is never cut; nothing in it moves the cursor."""
    line = f"{time:<23}  {label:<22}  {confidence:>10}  {seconds:>8}  {source:<16}  {name}"
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in line)


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


def _cells(result: Result) -> tuple[str, str, str, str, str]:
    outcome, time = result.outcome, _clock(result.timestamp)
    if isinstance(outcome, Rejection):
        return time, f"rejected: {outcome.code}", "", "", result.source
    label = _label(outcome.label, result.verified_label)
    return time, label, f"{outcome.confidence:.2f}", f"{outcome.duration_s:.1f}", result.source


def _label(label: Label, verified: Label | None) -> str:
    return str(label) if verified in (None, label) else f"{label} (really {verified})"


def _clock(time: datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
