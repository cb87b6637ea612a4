"""A candidate beside the champion, and the gate's checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from ui.components import palette
from ui.components.model_charts import confusion_chart, describe_confusion, f1_chart


def show(comparison: Mapping[str, Any], key: str) -> None:
    """Per-class F1 and confusion matrices of both, on the same held-out clips.

    Args:
        comparison: metrics of ``candidate`` and ``champion``, and ``compared_with``.
        key: of the widgets.
    """
    champion = f"champion {comparison['compared_with']['version']}"
    both = {"candidate": comparison["candidate"], champion: comparison["champion"]}
    st.markdown("##### F1 of each class")
    st.altair_chart(
        f1_chart(both),
        key=f"{key} f1",
        alt="; ".join(
            f"{name}: " + ", ".join(f"{k} {v['f1']:.2f}" for k, v in metrics["per_class"].items())
            for name, metrics in both.items()
        ),
    )
    for column, (name, metrics) in zip(st.columns(2, gap="medium"), both.items(), strict=True):
        with column, st.container(border=True):
            st.markdown(f"##### {name.capitalize()}")
            st.caption(
                f"macro F1 {metrics['macro_f1']:.3f}, accuracy {metrics['accuracy']:.3f}, "
                f"{metrics['n']} clips"
            )
            st.altair_chart(
                confusion_chart(metrics),
                key=f"{key} confusion {name}",
                alt=describe_confusion(metrics),
            )


def gate(decision: Mapping[str, Any]) -> None:
    """Each question of the gate, and the answer with its numbers."""
    st.markdown("##### The gate")
    checks = pd.DataFrame(
        {
            "answer": "✓ passed" if check["passed"] else "✕ failed",
            "question": check["name"],
            "reason": check["reason"],
        }
        for check in decision["checks"]
    )
    st.table(checks.set_index("answer"))  # unlike a dataframe, it shows long reasons whole


def corrections(found: Mapping[str, Any], *, serves: bool) -> None:
    """Each corrected clip: what the champion said of it, and what the candidate says.

    Args:
        found: corrections of a retraining.
        serves: the candidate was promoted.
    """
    if not found["count"]:
        return
    st.markdown("##### Corrected clips")
    st.markdown(
        f"{found['correct']} of {found['count']} right {'now' if serves else 'by the candidate'}, "
        f"{found['correct_before']} before"
    )
    st.dataframe(
        [
            {
                "clip": f"/results?clip={clip['clip_id']}",
                "label": palette.title(clip["label"]),
                "was": _answer(clip["was"]),
                "now": _answer(clip["now"]),
                "outcome": _outcome(clip),
            }
            for clip in found["clips"]
        ],
        hide_index=True,
        height=min(38 + 35 * len(found["clips"]), 390),
        column_config={
            "clip": st.column_config.LinkColumn("Clip", display_text=r"clip=(.{8})"),
            "label": "Correct label",
            "was": "Was",
            "now": "Is now" if serves else "Candidate",
            "outcome": st.column_config.TextColumn("Outcome", width="large"),
        },
        alt="; ".join(
            f"{clip['clip_id'][:8]} {clip['label']}: was {_answer(clip['was'])}, "
            f"now {_answer(clip['now'])}, {_outcome(clip)}"
            for clip in found["clips"][:20]
        ),
    )
    if more := found["count"] - len(found["clips"]):
        st.caption(f"and {more} more")


def left_out(found: Mapping[str, Any]) -> None:
    """Clips that were not used, and why."""
    if not found["count"]:
        return
    with st.expander(f"Clips that were not used ({found['count']})"):
        rows = pd.DataFrame({"clip": one["key"], "reason": one["reason"]} for one in found["clips"])
        st.table(rows.set_index("clip"))
        if more := found["count"] - len(found["clips"]):
            st.caption(f"and {more} more")


def _answer(answer: Mapping[str, Any]) -> str:
    return f"{palette.title(answer['label'])}, {palette.per_cent(answer['confidence'])}"


def _outcome(clip: Mapping[str, Any]) -> str:
    if clip["not_used"]:
        return f"not used: {clip['not_used']}"
    return "✓ right" if clip["correct"] else "✕ still wrong"


STATES = {
    "running": ("Running", "blue", ":material/progress_activity:"),
    "promoted": ("Promoted", "green", ":material/verified:"),
    "rejected": ("Rejected by the gate", "orange", ":material/block:"),
    "unchanged": ("No change", "gray", ":material/equal:"),
    "refused": ("Refused", "orange", ":material/do_not_disturb_on:"),
    "failed": ("Failed", "red", ":material/error:"),
    "aborted": ("Aborted", "gray", ":material/cancel:"),
}


def state_badge(state: str) -> None:
    """How a retraining stands, as color, icon and word."""
    words, color, icon = STATES[state]
    st.badge(words, icon=icon, color=color)  # type: ignore[arg-type]


def share(value: float | None) -> str:
    """A metric for a table; or that there is none."""
    return "none" if value is None else f"{value:.3f}"
