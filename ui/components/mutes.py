"""Which mute kept a clip from raising an alert, and how to undo it."""

from __future__ import annotations

from typing import Any

import streamlit as st

from earshot.results.result import Result
from earshot_client.transport import ApiError
from ui import session
from ui.components import palette
from ui.errors import shown_errors

_NOT_FOUND = 404


def show(result: Result, key: str) -> None:
    """The mutes by which a clip raised no alert, and the one that feedback on it made.

    Args:
        result: of the clip.
        key: of the widgets.
    """
    for label, clip_id in result.muted_by.items():
        _one(f"{palette.title(label)}: no alert, muted by the clip {clip_id}.", clip_id, key)
    if made := st.session_state.get(_made_key(result.clip_id)):
        labels = " or ".join(made["labels"])
        source, until = palette.plain(made["source"]), made["expires_at"][:10]
        words = f"What sounds like this raises no alert as {labels} at {source} until {until}."
        _one(words, result.clip_id, f"{key} made")


def made(mute: dict[str, Any]) -> None:
    """Remember a mute that feedback has just made."""
    st.session_state[_made_key(mute["clip_id"])] = mute


def _one(words: str, clip_id: str, key: str) -> None:
    undone = f"unmuted {clip_id}"
    if st.session_state.get(undone):
        words = f"Unmuted: sounds like that of the clip {clip_id} raise alerts again."
    with st.container(horizontal=True, vertical_alignment="center", key=f"mute-{key}-{clip_id}"):
        st.info(words, icon=":material/notifications_off:")
        if not st.session_state.get(undone) and st.button(
            "Unmute", key=f"{key} unmute {clip_id}", icon=":material/undo:"
        ):
            with shown_errors():
                _unmute(clip_id)
                st.session_state[undone] = True
                st.session_state.pop(_made_key(clip_id), None)
                st.rerun()


def _unmute(clip_id: str) -> None:
    try:
        session.client().unmute(clip_id)
    except ApiError as error:
        if error.status != _NOT_FOUND:  # it has expired, or somebody else was faster
            raise


def _made_key(clip_id: str) -> str:
    return f"mute by {clip_id}"
