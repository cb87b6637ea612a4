"""The report: one JSON object, of which each module owns its top-level keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

# (figure, where it is in the report, its goal, where the seconds beside it are)
_GOALS = (
    ("fresh process to first clip, of TensorFlow's time", "cold_start.ratio", 0.08),
    ("warm clip, of the bare float32 kernel's time", "warm_clip.ratio_to_kernel", 1.35),
    ("warm clip, of TensorFlow's time", "warm_clip.ratio_to_tensorflow", 0.5),
    ("head, of the bare float32 kernel's time", "head.ratio_to_kernel", 0.03),
    ("head, of the served kernel's time", "head.ratio_to_served_kernel", 0.02),
    ("a second of a long clip, of a short one's", "long_clip.ratio", 1.1),
    ("make demo in a fresh clone with warm caches, s", "first_minute.warm.demo_s", 20.0),
    ("... its first result after the stack's start, s", "first_minute.warm.first_result_s", 5.0),
    ("... with packages and caches on disk, MB", "first_minute.warm.disk_mb", 700.0),
    ("make train on 40 clips, s", "first_minute.train_40_clips.train_s", 180.0),
    ("lines of the README", "first_minute.readme_lines", 200.0),
    ("s from onset to alert, 95 %, 10 listeners", "alert.listeners.10.total_s.p95", 10.0),
    ("segments lost of 50 listeners", "alert.listeners.50.lost", 0.0),
    ("segments doubled of 50 listeners", "alert.listeners.50.doubled", 0.0),
    ("peak memory above idle, MB", "long_clip.peak_above_idle_mb", 350.0),
)


def read(path: Path) -> dict[str, Any]:
    """The report so far; empty if there is none."""
    if not path.is_file():
        return {}
    report: dict[str, Any] = json.loads(path.read_text())
    return report


def merge(path: Path, figures: dict[str, Any]) -> None:
    """Put some keys into the report and leave the others as they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(read(path) | figures, indent=2) + "\n")


def show(report: dict[str, Any]) -> None:
    """Print the report as tables."""
    console = Console()
    machine = report.get("machine", {})
    console.print(", ".join(f"{key} {value}" for key, value in machine.items()), style="dim")
    goals = Table("figure", "measured", "goal", "", title="Goals")
    for name, place, goal in _GOALS:
        value = _at(report, place)
        if value is not None:
            outcome = "[green]met[/]" if value <= goal else "[red]missed[/]"
            goals.add_row(name, f"{value:g}", f"<= {goal:g}", outcome)
    console.print(goals)
    figures = Table("figure", "median", "quartiles", "n", title="All figures")
    for name, value in _flat(report):
        if isinstance(value, dict):
            quartiles = f"{value['q1']:g} - {value['q3']:g}"
            figures.add_row(name, f"{value['median']:g}", quartiles, str(value["n"]))
        else:
            figures.add_row(name, f"{value:g}", "", "")
    console.print(figures)


def _at(report: dict[str, Any], place: str) -> float | None:
    value: Any = report
    for key in place.split("."):
        value = value.get(key) if isinstance(value, dict) else None
    return None if value is None else float(value)


def _flat(tree: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Numbers and spreads by their path in the report."""
    rows: list[tuple[str, Any]] = []
    for key, value in tree.items():
        if key == "machine":
            continue
        if isinstance(value, dict) and "median" not in value:
            rows += _flat(value, f"{prefix}{key} ")
        elif isinstance(value, dict | int | float):
            rows.append((prefix + key, value))
    return rows
