"""The figures of labeled clips as tables in a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich.table import Table

from training.evaluation.mixtures import NOISES


def labeled_tables(figures: Mapping[str, Any]) -> Iterator[Table | str]:
    """Tables and lines of `labeled_figures`, in the order to print them in."""
    yield (
        f"\n[bold]{figures['model']} on {figures['data']}[/]: {figures['n']} clips "
        f"of {figures['recordings']} recording groups"
    )
    yield _line("all clips", figures)
    if "without_near_duplicates" in figures:
        distinct = figures["without_near_duplicates"]
        yield _line(f"without near-duplicates ({distinct['n']})", distinct)
    table = Table("label", "precision", "recall", "F1", "clips", title="per label")
    for label, score in figures["per_class"].items():
        row = (f"{score[name]:.3f}" for name in ("precision", "recall", "f1"))
        table.add_row(label, *row, str(score["support"]))
    yield table
    table = Table("label \\ classified as", *figures["labels"], title="confusion matrix")
    for label, counts in zip(figures["labels"], figures["confusion_matrix"], strict=True):
        table.add_row(label, *map(str, counts))
    yield table
    if "uncertain" in figures:
        yield _uncertain(figures["uncertain"])
    if "noise" in figures:
        table = Table("accuracy in noise", *NOISES, "mean")
        for snr, row in figures["noise"].items():
            values = (row.get(kind) for kind in (*NOISES, "mean"))
            table.add_row(snr, *("-" if value is None else f"{value:.3f}" for value in values))
        yield table
    if "short_events" in figures:
        table = Table("one gunshot in 30 s", "event found", "clip labeled gunshot")
        for snr, row in figures["short_events"].items():
            table.add_row(snr, *(f"{value:.3f}" for value in row.values()))
        yield table
    if "false_events" in figures:
        false = figures["false_events"]
        yield (
            f"false events per hour in {false['casual_hours']:.2f} h of casual clips: "
            + ", ".join(f"{label} {n:.0f}" for label, n in false["events_per_hour"].items())
        )


def length_tables(by_length: Mapping[str, Any]) -> Iterator[Table]:
    """Table of `training.evaluation.synthetic.accuracy_by_length`."""
    table = Table("length", "clips", "accuracy", "recall by label", title="by clip length")
    for seconds, row in by_length.items():
        if not row["clips"]:
            continue
        low, high = row["interval"]
        recalls = ", ".join(f"{label} {value:.2f}" for label, value in row["recall"].items())
        accuracy = rf"{row['accuracy']:.3f} \[{low:.3f}, {high:.3f}]"
        table.add_row(_length(float(seconds)), str(row["clips"]), accuracy, recalls)
    yield table


def _length(seconds: float) -> str:
    return f"{seconds:g} s" if seconds < 60 else f"{seconds / 60:g} min"


def _line(what: str, figures: Mapping[str, Any]) -> str:
    def with_interval(name: str) -> str:
        low, high = figures[f"{name}_95"]
        return rf"{figures[name]:.3f} \[{low:.3f}, {high:.3f}]"

    return (
        f"  {what}: accuracy {with_interval('accuracy')}, macro F1 {with_interval('macro_f1')}, "
        f"ECE {figures['ece']:.3f}"
    )


def _uncertain(uncertain: Mapping[str, float | None]) -> str:
    def accuracy(name: str) -> str:
        value = uncertain[name]
        return "-" if value is None else f"{value:.3f}"

    return (
        f"uncertain: {uncertain['share']:.1%} of clips; accuracy of the certain ones "
        f"{accuracy('accuracy_of_certain')}, of the uncertain ones "
        f"{accuracy('accuracy_of_uncertain')}"
    )
