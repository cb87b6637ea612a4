"""What the commands print: tables and progress for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
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

from earshot.results.result import Result

# Where nobody looks on, lines are for other programs and must not be folded.
console = Console(width=None if sys.stdout.isatty() else 200)
remarks = Console(stderr=True)


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
        print_json([{"name": name, **result} for name, result in results.items()])
        return
    table = Table(box=None)
    table.add_column("clip")
    for column in ("label", "confidence", "seconds", "source", "heard at"):
        right = column in {"confidence", "seconds"}
        table.add_column(column, justify="right" if right else "left", no_wrap=not right)
    for name, result in results.items():
        table.add_row(name, *_cells(result))
    console.print(table)


def show_alerts(alerts: Sequence[Mapping[str, Any]], as_json: bool) -> None:
    """Print alerts."""
    if as_json:
        print_json(alerts)
        return
    table = Table("sent at", "label", box=None)
    table.add_column("confidence", justify="right")
    table.add_column("source")
    table.add_column("clip")
    for alert in alerts:
        confidence = f"{alert['confidence']:.2f}"
        table.add_row(
            _clock(alert["alerted_at"]), _label(alert), confidence, alert["source"],
            alert["clip_id"],
        )  # fmt: skip
    console.print(table)


def _cells(result: Result) -> Iterable[str]:
    heard_at = _clock(result["timestamp"])
    if result["status"] == "rejected":
        return (f"rejected: {result['reason']['code']}", "", "", result["source"], heard_at)
    confidence, seconds = f"{result['confidence']:.2f}", f"{result['duration_s']:.1f}"
    return (_label(result), confidence, seconds, result["source"], heard_at)


def _label(result: Mapping[str, Any]) -> str:
    label = str(result["label"])
    verified = result.get("verified_label", label)
    return label if verified == label else f"{label} (really {verified})"


def _clock(timestamp: str) -> str:
    return timestamp[:19].replace("T", " ")
