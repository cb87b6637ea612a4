"""Operating curves and false alarms as figures, for the model card and the notebook."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from earshot.labels import Label
from training.evaluation.everyday import Everyday
from training.evaluation.everyday_figures import PER_HOUR, curves_of, sets_of_threats
from training.evaluation.false_alarms import Curve
from training.evaluation.scores import THREATS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KINDS_SHOWN = 20
COLORS = dict(zip(THREATS, ("#c0392b", "#e08e0b", "#2471a3"), strict=True))


def operating_figure(curves: Mapping[str, Curve]) -> Figure:
    """Recall against false alarms per hour, a curve for each set of threats.

    The scale is logarithmic; a curve begins at half a false alarm in all the hours, which stands
    for none.
    """
    figure, axes = _figure(8.5, 4.2)
    for n, (name, of) in enumerate(curves.items()):
        rates = [max(rate, 0.5 / of.hours) for rate in of.per_hour]
        axes.step(rates, of.recall, where="post", label=name, linestyle=("-", "--", ":")[n // 10])
    for per_hour in PER_HOUR:
        axes.axvline(per_hour, color="#bbb", linewidth=0.8, zorder=0)
    axes.set(xscale="log", xlabel="false alarms of the label per hour", ylabel="recall")
    axes.set(ylim=(0, 1.01), xlim=(None, 360))
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize="small", frameon=False)
    return figure


def kinds_figure(by_kind: Mapping[str, Any]) -> Figure:
    """False alerts per hour of the kinds with most of them, by label, with Poisson intervals."""
    kinds = [kind for kind, row in by_kind.items() if row["any"]["count"]][:KINDS_SHOWN][::-1]
    figure, axes = _figure(7.5, 1.2 + 0.27 * max(len(kinds), 1))
    left = [0.0] * len(kinds)
    for label in THREATS:
        rates = [by_kind[kind][label]["per_hour"] for kind in kinds]
        axes.barh(kinds, rates, left=left, color=COLORS[label], label=label)
        left = [a + b for a, b in zip(left, rates, strict=True)]
    spans = [[by_kind[kind]["any"][end] for kind in kinds] for end in ("low", "high")]
    axes.hlines(kinds, *spans, color="black", linewidth=0.8)
    axes.set(xlabel="false alerts per hour, with the 95 % interval")
    axes.legend(loc="lower right", frameon=False)
    return figure


def write_plots(found: Everyday, figures: Mapping[str, Any], folder: Path) -> None:
    """Write the figures as PNG and SVG.

    Args:
        found: in everyday sound.
        figures: of `everyday_figures`.
        folder: to write to; it is made.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for label, curves in curves_by_label(found).items():
        _save(operating_figure(curves), folder, f"operating_{label}")
    if figures["by_kind"]:
        _save(kinds_figure(figures["by_kind"]), folder, "false_alerts_by_kind")


def curves_by_label(found: Everyday) -> dict[Label, dict[str, Curve]]:
    """Curves of each set of threats, by label."""
    casual = found.casual
    by_label: dict[Label, dict[str, Curve]] = {}
    for name, clips in sets_of_threats(found).items():
        of = curves_of(clips, casual)
        if of:
            by_label.setdefault(clips[0].label, {})[name] = of
    return by_label


def _save(figure: Figure, folder: Path, name: str) -> None:
    figure.savefig(folder / f"{name}.png", dpi=130, metadata={"Software": None})
    figure.savefig(folder / f"{name}.svg", metadata={"Date": None})


def _figure(width: float, height: float) -> tuple[Figure, Any]:
    # Without pyplot, which would look for a display and keep every figure alive.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()
