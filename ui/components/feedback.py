"""Confirm or correct: what a person says of a clip."""

from __future__ import annotations

import streamlit as st

from earshot.labels import LABELS
from earshot.results.result import Result
from ui import session
from ui.components import clip, palette
from ui.errors import told


def ask(result: Result, key: str) -> None:
    """Two ways to say what a clip really holds; what was said goes to the API at once."""
    if result["status"] != "classified":
        return
    with st.container(border=True, key=f"verdict-{key}"):
        st.markdown("##### Is that right?")
        said = st.session_state.get(_said(result))
        if said:
            st.success(said, icon=":material/how_to_reg:")
        heard = result["label"]
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
                _say(result, heard, comment)
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
                _say(result, str(really), comment)


def _say(result: Result, label: str, comment: str) -> None:
    with told():
        answer = session.client().feedback(result["clip_id"], label, comment)
        verdict = answer["feedback"][-1]["verdict"].capitalize()
        learns = (
            "The next retraining learns from it."
            if answer["training_key"]
            else f"{clip.GONE if 'key' in result else clip.NOT_KEPT} No retraining learns from it."
        )
        st.session_state[_said(result)] = f"{verdict}: {palette.title(label)}. {learns}"
        result["verified_label"] = label
        st.rerun()


def _said(result: Result) -> str:
    return f"said of {result['clip_id']}"
