"""Confirm or correct: what a person says of a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from earshot.labels import LABELS, Label
from earshot.results.result import Result
from ui import session
from ui.components import clip, palette
from ui.errors import told


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
    with st.container(border=True, key=f"verdict-{key}"):
        st.markdown("##### Is that right?")
        said = st.session_state.get(_said(result))
        if said:
            st.success(said, icon=":material/how_to_reg:")
        heard = classification.label
        others = [str(label) for label in LABELS if label != heard]
        comment = st.text_input(
            "Comment", key=f"{key} comment", max_chars=1000, placeholder="Why, if you like"
        )
        with st.container(horizontal=True, vertical_alignment="bottom"):
            if st.button(
                f"Confirm: {palette.title(heard)}",
                key=f"{key} confirm",
                icon=":material/thumb_up:",
                type="primary",
            ):
                _give(result, heard, comment, keep)
            really = st.selectbox(
                "It is really",
                others,
                index=None,
                format_func=palette.title,
                key=f"{key} really",
                placeholder="another label",
                width=220,
            )
            if st.button(
                "Correct", key=f"{key} correct", icon=":material/edit:", disabled=really is None
            ):
                _give(result, Label(str(really)), comment, keep)


def _give(
    result: Result, label: Label, comment: str, keep: Callable[[Result], None] | None
) -> None:
    with told():
        answer = session.client().feedback(result.clip_id, label, comment)
        verdict = answer["feedback"][-1]["verdict"].capitalize()
        learns = (
            "The next retraining learns from it."
            if answer["training_key"]
            else f"{clip.GONE if result.location else clip.NOT_KEPT} No retraining learns from it."
        )
        st.session_state[_said(result)] = f"{verdict}: {palette.title(label)}. {learns}"
        if keep:
            keep(replace(result, verified_label=label))
        st.rerun()


def _said(result: Result) -> str:
    return f"said of {result.clip_id}"
