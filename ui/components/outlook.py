"""What a retraining would start from, and the earlier ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from earshot.times import parse_time
from ui.components import palette
from ui.components.comparison import STATES
from ui.components.rows import local_time


def show(
    outlook: Mapping[str, Any],
    files: tuple[Counter[str], Counter[str]] | None = None,
    *,
    alone: bool = False,
) -> None:
    """What would be learned, what evaluates it, and why it would be refused.

    Args:
        outlook: as `GET /retrain` answers.
        files: numbers by label of those that are about to be uploaded, to train on and to evaluate
            on; with them the bucket alone decides nothing.
        alone: only the files are trained on.
    """
    trained, held = files or (Counter[str](), Counter[str]())
    clips = trained + Counter({} if alone else outlook["clips"])
    evaluating = held + Counter(outlook["held_out"])
    held_out, released = sum(evaluating.values()), outlook["released_held_out"]
    corrected = "" if alone else count(outlook["corrections"], "new correction")
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**It learns from**")
        among = f", {corrected} among them" if corrected else ""
        st.markdown(f"{count(sum(clips.values()), 'labeled clip')}{among}")
        st.caption(
            by_label(clips)
            or "No labeled clip is there yet: confirm or correct some in Review, or upload files."
        )
    with right:
        st.markdown("**It is evaluated on**")
        came_with = f", {released} of them came with the release" if released else ""
        st.markdown(f"{count(held_out, 'held-out clip')}{came_with}")
        st.caption(by_label(evaluating) or "No clip is held out yet.")
    if files is None:
        for reason in outlook["reasons"]:
            # That one is under way, the page shows already.
            if not outlook["running"] or outlook["running"] not in reason:
                st.warning(palette.plain(reason), icon=":material/block:")
    for note in outlook["notes"]:
        st.caption(palette.plain(note))


def earlier(runs: list[Mapping[str, Any]], zone: str, opens: Callable[[str], None]) -> None:
    """Earlier retrainings, newest first, of which one can be opened.

    Args:
        runs: as `GET /retrain` lists them.
        zone: in which times are shown.
        opens: called with the id of a run that is selected.
    """
    if not runs:
        return

    def selected() -> None:
        if chosen := st.session_state[key]["selection"]["rows"]:
            opens(runs[chosen[0]]["id"])

    # Another key for other rows: a selection is a row's number, and new rows come first.
    key = f"earlier {hash(tuple(run['id'] for run in runs))}"
    st.markdown("##### Earlier retrainings")
    st.dataframe(
        [
            {
                "started": local_time(parse_time(run["started"]), zone),
                "outcome": STATES[run["state"]][0],
                "version": run["version"] or "",
            }
            for run in runs
        ],
        key=key,
        on_select=selected,
        selection_mode="single-row",
        hide_index=True,
        height=min(38 + 35 * len(runs), 250),
        column_config={
            "started": st.column_config.DatetimeColumn(f"Started ({zone})", format="D MMM, HH:mm"),
            "outcome": "Outcome",
            "version": "Version",
        },
        alt="Earlier retrainings; select a row to open one",
    )


def count(n: int, what: str) -> str:
    """A number of things."""
    return f"{n} {what}{'' if n == 1 else 's'}"


def by_label(counts: Mapping[str, int]) -> str:
    """Numbers of clips by label; empty if there are none."""
    return ", ".join(f"{n} {label}" for label, n in counts.items() if n)
