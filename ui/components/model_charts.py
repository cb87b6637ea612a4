"""Charts of how good models are, each a pure function of their metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import pandas as pd

from earshot.labels import LABELS
from ui.components import palette

Metrics = Mapping[str, Any]

HELD_OUT, CROSS_VALIDATED = "on held-out clips", "cross-validated"


def f1_chart(metrics: Mapping[str, Metrics]) -> alt.LayerChart:
    """F1 of each class, the models beside each other.

    Args:
        metrics: of each model by its name; at most two.
    """
    names, tones = list(metrics), palette.tones()
    data = pd.DataFrame(
        {"label": palette.title(label), "model": name, "f1": of["per_class"][label]["f1"]}
        for name, of in metrics.items()
        for label in LABELS
    )
    x = alt.X("label:N", sort=palette.TITLES, axis=alt.Axis(title=None, labelAngle=0))
    offset = alt.XOffset("model:N", sort=names)
    y = alt.Y("f1:Q", scale=alt.Scale(domain=[0, 1.08]), axis=alt.Axis(
        title="F1", values=[0, 0.25, 0.5, 0.75, 1], format=".2~f"))  # fmt: skip
    color = alt.Color(
        "model:N",
        scale=alt.Scale(domain=names, range=[tones.labels[2], tones.second]),
        legend=alt.Legend(title=None, orient="top"),
    )
    tooltip = ["model:N", "label:N", alt.Tooltip("f1:Q", format=".3f")]
    chart = alt.Chart(data)
    bars = chart.mark_bar(cornerRadiusEnd=3).encode(
        x, y, xOffset=offset, color=color, tooltip=tooltip
    )
    words = chart.mark_text(baseline="bottom", dy=-3, fontSize=11, color=tones.text).encode(
        x, y, xOffset=offset, text=alt.Text("f1:Q", format=".2f")
    )
    return alt.layer(bars, words).properties(height=240).configure_view(stroke=None)


def confusion_chart(metrics: Metrics) -> alt.LayerChart:
    """What clips hold, from above to below, and what they were taken for, from left to right."""
    matrix, tones = metrics["confusion_matrix"], palette.tones()
    data = pd.DataFrame(
        {
            "truth": palette.title(truth),
            "guess": palette.title(guess),
            "clips": matrix[i][j],
            "share": matrix[i][j] / max(sum(matrix[i]), 1),
        }
        for i, truth in enumerate(LABELS)
        for j, guess in enumerate(LABELS)
    )
    look: dict[str, Any] = {
        "labelOverlap": False, "labelLimit": 90, "titleColor": tones.muted, "domain": False,
        "ticks": False,
    }  # fmt: skip
    across, down = alt.Axis(labelAngle=-30, **look), alt.Axis(labelAngle=0, **look)
    x = alt.X("guess:N", sort=palette.TITLES, axis=across, title="taken for")
    y = alt.Y("truth:N", sort=palette.TITLES, axis=down, title="is really")
    chart = alt.Chart(data)
    cells = chart.mark_rect(cornerRadius=4, stroke=tones.background, strokeWidth=2).encode(
        x,
        y,
        alt.Color(
            "share:Q",
            scale=alt.Scale(domain=[0, 1], range=[tones.surface, tones.full]),
            legend=None,
        ),
        tooltip=["truth:N", "guess:N", "clips:Q", alt.Tooltip("share:Q", format=".0%")],
    )
    numbers = chart.mark_text(fontSize=14, fontWeight=600, color=tones.text).encode(
        x, y, text="clips:Q", opacity=alt.condition("datum.clips > 0", alt.value(1), alt.value(0.4))
    )
    return alt.layer(cells, numbers).properties(height=230).configure_view(stroke=None)


def describe_confusion(metrics: Metrics) -> str:
    """A confusion matrix in words: what was taken for something else."""
    matrix = metrics["confusion_matrix"]
    wrong = [
        f"{matrix[i][j]} {truth} taken for {guess}"
        for i, truth in enumerate(LABELS)
        for j, guess in enumerate(LABELS)
        if i != j and matrix[i][j]
    ]
    return f"Confusion matrix of {metrics['n']} clips: {', '.join(wrong) or 'none mistaken'}."


def figures(metrics: Metrics) -> tuple[Metrics, str]:
    """A version's figures and how they were measured; empty if there are none.

    A retraining's version has been evaluated on held-out clips. The first model was trained on all
    clips, so its figures are of its cross-validation; of its sets the first counts, which is clips
    as they were recorded.
    """
    if "confusion_matrix" in metrics:
        return metrics, HELD_OUT
    for name, of_set in metrics.get("cross_validation", {}).items():
        return of_set, f"{CROSS_VALIDATED} ({name})"
    return {}, ""


def pairs(models: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Versions and those that they were compared with on the same clips, in the order they came.

    Args:
        models: newest first, with their decisions; a version without one was not compared.
    """
    found = []
    for model in reversed(models):
        checks = {one["name"]: one for one in (model["decision"] or {}).get("checks", [])}
        check = checks.get("macro F1")
        if check and check["champion"] is not None:
            before, own = check["champion"], check["candidate"]
            words = "no change" if own == before else f"{own - before:+.3f}"
            found.append(
                {"version": model["version"], "before": before, "own": own, "words": words}
            )
    return found


def pairs_chart(compared: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """Macro F1 of each version beside that of the version before it, on the same clips."""
    tones, roles = palette.tones(), ["version before", "this version"]
    data = pd.DataFrame(
        {"version": one["version"], "role": role, "value": one[key],
         "words": f"{one[key]:.3f}" if key == "before" else f"{one[key]:.3f} ({one['words']})"}
        for one in compared
        for role, key in zip(roles, ("before", "own"), strict=True)
    )  # fmt: skip
    order = [one["version"] for one in compared]
    # Lying bars, so that the numbers of many versions do not lie over each other on a phone.
    y = alt.Y("version:N", sort=order, axis=alt.Axis(title=None))
    offset = alt.YOffset("role:N", sort=roles)
    x = alt.X("value:Q", scale=alt.Scale(domain=[0, 1.5]), axis=alt.Axis(
        title="macro F1", values=[0, 0.25, 0.5, 0.75, 1], format=".2f"))  # fmt: skip
    color = alt.Color(
        "role:N",
        scale=alt.Scale(domain=roles, range=[tones.second, tones.labels[2]]),
        legend=alt.Legend(title=None, orient="top"),
    )
    chart = alt.Chart(data)
    bars = chart.mark_bar(cornerRadiusEnd=3).encode(x, y, yOffset=offset, color=color)
    words = chart.mark_text(align="left", dx=4, fontSize=11, color=tones.text).encode(
        x, y, yOffset=offset, text="words:N"
    )
    height = 130 + 64 * len(compared)  # title, legend and axis take what no bar has
    return alt.layer(bars, words).properties(height=height).configure_view(stroke=None)
