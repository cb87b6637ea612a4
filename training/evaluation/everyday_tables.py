"""The figures of everyday sound as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Column, Table

from training.evaluation.everyday_figures import PER_HOUR
from training.evaluation.scores import THREATS

ALERTS = {
    "all": "each result",
    "all_after_cooldown": "after the cooldown",
    "without_uncertain": "without uncertain results",
    "without_uncertain_after_cooldown": "without uncertain, after the cooldown",
}


def everyday_tables(figures: Mapping[str, Any]) -> Iterator[Table | str]:
    """Tables and lines of `everyday_figures`, in the order to print them in."""
    yield (
        f"\n[bold]Everyday sound[/]: {figures['hours']:.2f} h without threats in "
        f"{figures['segments']} segments; intervals are 95 %, of a Poisson process"
    )
    table = Table(
        "false alerts per hour", "any label", *THREATS, title="at the template's defaults"
    )
    for name, words in ALERTS.items():
        rates = figures["alerts_per_hour"][name]
        table.add_row(
            words,
            _with_interval(rates["any"]),
            *(f"{rates[label]['per_hour']:.2f}" for label in THREATS),
        )
    yield table
    for what in ("by_group", "by_kind", "apart"):
        if figures[what]:
            yield _kinds(_TITLES[what], figures[what], with_silent=what != "by_kind")
    silent = [kind for kind, row in figures["by_kind"].items() if not row["any"]["count"]]
    if silent:
        yield f"no alert in {len(silent)} kinds: {', '.join(silent)}"
    long = figures["long_recordings"]
    yield (
        f"long recordings (10 to 20 minutes) without threats: {long['labeled_a_threat']} of "
        f"{long['recordings']} labeled a threat, {long['alerted']} with an alert, "
        f"{long['alerted_certain']} with one that is not uncertain"
    )
    if figures["threats"]:
        yield _recalls(figures["threats"])
    if "events" in figures:
        events = figures["events"]
        f1 = ", ".join(f"{k} {v:.3f}" for k, v in events["f1"].items() if v is not None)
        yield (
            f"events in {events['mixtures']} mixtures of 30 s at {events['snr_db']:g} dB: F1 "
            f"(onset within 0.5 s) {events['macro_f1']:.3f} ({f1}), PSDS {events['psds']:.3f}"
        )


_TITLES = {
    "by_group": "by group of kinds",
    "by_kind": "by kind of sound",
    "apart": "reported apart: some would call these a threat",
}


def _kinds(title: str, rows: Mapping[str, Any], *, with_silent: bool) -> Table:
    table = Table(
        Column("kind", no_wrap=True),
        "hours",
        "alerts per hour",
        "not uncertain",
        *THREATS,
        title=title,
    )
    for kind, row in rows.items():
        if not row["any"]["count"] and not with_silent:
            continue
        table.add_row(
            kind,
            f"{row['hours']:.2f}",
            _with_interval(row["any"]),
            f"{row['certain']['per_hour']:.1f}",
            *(f"{row[label]['per_hour']:.1f}" for label in THREATS),
        )
    return table


def _recalls(threats: Mapping[str, Any]) -> Table:
    table = Table(
        Column("threats", no_wrap=True),
        "clips",
        "labeled",
        "alert",
        "certain alert",
        *(f"at {per_hour:g}/h" for per_hour in PER_HOUR),
        title="recall: at the defaults, and at so many false alarms of that label per hour",
    )
    for name, row in threats.items():
        points = row.get("at_false_alarms_per_hour", {})
        table.add_row(
            name,
            str(row["clips"]),
            *(f"{row[key]['recall']:.3f}" for key in ("labeled", "alerted", "alerted_certain")),
            *(_recall_with_interval(point) for point in points.values()),
        )
    return table


def _recall_with_interval(point: Mapping[str, Any]) -> str:
    low, high = point["interval"]
    return rf"{point['recall']:.2f} \[{low:.2f}, {high:.2f}]"


def _with_interval(rate: Mapping[str, float]) -> str:
    return rf"{rate['per_hour']:.2f} \[{rate['low']:.2f}, {rate['high']:.2f}]"
