"""Feedback: confirm or correct the label of a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from earshot.labels import LABELS, Label
from earshot.results.result import Result
from ui import session
from ui.components import clip, mutes, palette
from ui.errors import shown_errors


def ask(result: Result, key: str, keep: Callable[[Result], None] | None = None) -> None:
    """Ask for feedback, which goes to the API at once.

    Args:
        result: of the clip.
        key: of the widgets, unlike that of any other clip on the page.
        keep: is given the result with its new verified label.
    """
    classification = result.classification
    if classification is None:
        return
    with st.container(border=True, key=f"feedback-{key}"):
        st.markdown("##### Is this label right?")
        given = st.session_state.get(_feedback_key(result))
        if given:
            st.success(given, icon=":material/how_to_reg:")
        label = classification.label
        others = [str(other) for other in LABELS if other != label]
        comment = st.text_input(
            "Comment", key=f"{key} comment", max_chars=1000, placeholder="Optional"
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if st.button(
                f"Confirm: {palette.title(label)}",
                key=f"{key} confirm",
                icon=":material/thumb_up:",
                type="primary",
            ):
                _give(result, label, comment, keep)
            really = st.selectbox(
                "Correct label",
                others,
                index=None,
                format_func=palette.title,
                key=f"{key} really",
                placeholder="Choose a label",
                width=220,
            )
            mute_alike = really == Label.CASUAL and st.checkbox(
                "Mute what sounds like it",
                key=f"{key} mute",
                help=(
                    f"At {palette.plain(result.source)}, such sounds raise no alert for a while. "
                    "All else does, and other sources are not muted."
                ),
            )
            if st.button(
                "Correct", key=f"{key} correct", icon=":material/edit:", disabled=really is None
            ):
                _give(result, Label(str(really)), comment, keep, mute_alike=mute_alike)
        mutes.show(result, key)


def _give(
    result: Result,
    label: Label,
    comment: str,
    keep: Callable[[Result], None] | None,
    *,
    mute_alike: bool = False,
) -> None:
    with shown_errors():
        answer = session.client().feedback(result.clip_id, label, comment, mute_alike=mute_alike)
        if answer["mute"]:
            mutes.made(answer["mute"])
        outcome = answer["feedback"][-1]["verdict"].capitalize()
        use = (
            "It will be used in the next retraining."
            if answer["training_key"]
            else f"{clip.GONE if result.location else clip.NOT_KEPT} It is not used for retraining."
        )
        st.session_state[_feedback_key(result)] = f"{outcome}: {palette.title(label)}. {use}"
        if keep:
            keep(replace(result, verified_label=label))
        st.rerun()


def _feedback_key(result: Result) -> str:
    return f"feedback on {result.clip_id}"
