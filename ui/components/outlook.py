"""What a retraining would start from, and the earlier ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from earshot.times import parse_time
from ui.components import palette
from ui.components.comparison import STATES
from ui.components.rows import local_time


def show(outlook: Mapping[str, Any], *, of_files: bool) -> None:
    """What would be learned, what evaluates it, and why it would be refused.

    Args:
        outlook: as `GET /retrain` answers.
        of_files: files are about to be uploaded, so the bucket alone decides nothing.
    """
    held_out = sum(outlook["held_out"].values())
    released = outlook["released_held_out"]
    left, right = st.columns(2, gap="medium")
    with left:
        st.markdown("**It learns from**")
        st.markdown(
            f"{count(outlook['corrections'], 'new correction')}, "
            f"{count(sum(outlook['clips'].values()), 'labeled clip')}"
        )
        st.caption(
            by_label(outlook["clips"])
            or "No labeled clip is there yet: confirm or correct some in Review, or upload files."
        )
    with right:
        st.markdown("**It is evaluated on**")
        came_with = f", {released} of them from the release" if released else ""
        st.markdown(f"{count(held_out, 'held-out clip')}{came_with}")
        st.caption(by_label(outlook["held_out"]) or "No clip is held out yet.")
    if not of_files:
        for reason in outlook["reasons"]:
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
