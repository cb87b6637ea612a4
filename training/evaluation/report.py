"""The evaluation report of a version: an HTML page and a picture of the confusion matrix."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.labels import LABELS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

REPORT_NAME = "report.html"
CONFUSION_NAME = "confusion_matrix.png"

Metrics = Mapping[str, Any]


def write_report(folder: Path, comparison: Mapping[str, Any], training: Mapping[str, Any]) -> None:
    """Write ``report.html``, with its figures inside, and ``confusion_matrix.png``.

    Args:
        folder: to write to.
        comparison: metrics of ``candidate`` and ``champion``, and what they were evaluated on.
            A first version is compared with itself.
        training: ``curves`` and ``parameters`` of the fit.
    """
    candidate, champion = comparison["candidate"], comparison["champion"]
    confusion = _png(confusion_figure(candidate))
    (folder / CONFUSION_NAME).write_bytes(confusion)
    reliability = _png(reliability_figure({"candidate": candidate, "champion": champion}))
    curves = _png(curves_figure(training["curves"]))
    evaluated_on = comparison["evaluated_on"]
    parts = [
        "<h1>Evaluation of a candidate</h1>",
        f"<p>Compared with {escape(comparison['compared_with']['version'])} on "
        f"{evaluated_on['clips']} held-out clips of {candidate['recordings']} recording groups"
        f"{'' if evaluated_on['labels_confirmed'] else ', with labels not confirmed by a person'}"
        ".</p>",
        _overview(candidate, champion),
        "<h2>Each label</h2>",
        _each_label(candidate, champion),
        "<h2>Confusion</h2>",
        _image(confusion, "confusion matrix"),
        "<h2>Reliability</h2>",
        "<p>Share of correct classifications by confidence.</p>",
        _image(reliability, "reliability curve"),
        "<h2>Training</h2>",
        _image(curves, "training curves"),
        _table(["parameter", "value"], [[k, str(v)] for k, v in training["parameters"].items()]),
    ]
    if "on_new_clips" in comparison:
        new = comparison["on_new_clips"]
        parts += [
            f"<h2>On the {evaluated_on['new_clips']} new held-out clips</h2>",
            "<p>They join the held-out set if this version is promoted.</p>",
            _overview(new["candidate"], new["champion"]),
        ]
    (folder / REPORT_NAME).write_text(_PAGE.format(body="\n".join(parts)))


_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evaluation</title><style>
body {{ font-family: system-ui, sans-serif; max-width: 50rem; margin: 2rem auto; padding: 0 1rem }}
table {{ border-collapse: collapse }}
td, th {{ padding: .3rem .8rem; border-bottom: 1px solid #ccc }}
td + td {{ text-align: right }} img {{ max-width: 100% }}
</style></head><body>
{body}
</body></html>
"""


def _overview(candidate: Metrics, champion: Metrics) -> str:
    def row(name: str, key: str) -> list[str]:
        return [name, _with_interval(candidate, key), _with_interval(champion, key)]

    return _table(
        ["", "candidate", "champion"],
        [
            row("macro F1 (95 % interval)", "macro_f1"),
            row("accuracy (95 % interval)", "accuracy"),
            row("log loss", "log_loss"),
            row("calibration error", "ece"),
        ],
    )


def _with_interval(metrics: Metrics, key: str) -> str:
    text = f"{metrics[key]:.3f}"
    if f"{key}_95" not in metrics:
        return text
    low, high = metrics[f"{key}_95"]
    return f"{text} ({low:.3f} to {high:.3f})"


def _each_label(candidate: Metrics, champion: Metrics) -> str:
    rows = []
    for label in LABELS:
        own, other = candidate["per_class"][label], champion["per_class"][label]
        numbers = [f"{own[key]:.3f}" for key in ("precision", "recall", "f1")]
        rows.append([label, *numbers, f"{other['recall']:.3f}", str(own["support"])])
    return _table(["label", "precision", "recall", "F1", "champion's recall", "clips"], rows)


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return "<table>" + line(head, "th") + "".join(line(row, "td") for row in rows) + "</table>"


def _image(png: bytes, what: str) -> str:
    return f'<img alt="{what}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def confusion_figure(metrics: Metrics) -> Figure:
    """Confusion matrix, in clips."""
    figure, axes = _figure(4.5, 4)
    counts = metrics["confusion_matrix"]
    axes.imshow(counts, cmap="Blues")
    axes.set_xticks(range(len(LABELS)), LABELS)
    axes.set_yticks(range(len(LABELS)), LABELS)
    axes.set(xlabel="predicted label", ylabel="true label")
    most = max(max(row) for row in counts)
    for i, row in enumerate(counts):
        for j, n in enumerate(row):
            axes.text(j, i, n, ha="center", va="center", color="white" if 2 * n > most else "black")
    return figure


def reliability_figure(models: Mapping[str, Metrics]) -> Figure:
    """Reliability diagram: share of correct classifications by confidence, of each version."""
    figure, axes = _figure(4.5, 4)
    axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
    for name, metrics in models.items():
        bins = metrics["reliability"]
        axes.plot(
            [b["confidence"] for b in bins], [b["accuracy"] for b in bins], marker="o", label=name
        )
    axes.set(xlabel="confidence", ylabel="share correct", xlim=(0, 1.02), ylim=(0, 1.02))
    axes.legend()
    return figure


def curves_figure(curves: Mapping[str, Sequence[float]]) -> Figure:
    """Loss of each epoch; dashed on the validation clips."""
    figure, axes = _figure(7.5, 3.6)
    for name, values in curves.items():
        style = "--" if name.endswith("val_loss") else "-"
        axes.plot(range(1, len(values) + 1), values, style, label=name)
    axes.set(xlabel="epoch", ylabel="cross-entropy")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize="x-small", frameon=False)
    return figure


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    # Without pyplot, which looks for a display and keeps every figure in memory.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, metadata={"Software": None})
    return buffer.getvalue()
