"""Timeline, lists of clips, and the opened clip: one component of ours, in `ui/static/`.

Its data is an object with

- `labels`: name, title, symbol and key of each label, the most dangerous first;
- `timeline`: as `ui.components.timeline` makes it, or None;
- `room`: lines that the timeline has, or will have once it is there, if lists are below it: its
  height is then theirs, and longer ones are scrolled; 0 if it is as high as it is;
- `groups`: lists of clips: id, title, note, the words of an empty list, whether it is still to be
  loaded, rows as `ui.components.clip_data.row` makes them, and the words of the button for more,
  if there is more;
- `clip`: the opened one, as `ui.components.clip_data.opened` makes it, or None;
- `may`: whether labels may be given; `bulk`: whether several clips can be selected; `advance`:
  whether the next clip opens when one was labeled; `undo`: whether there is something to undo;
- `said`: what has just happened, in words.

What people do comes back as the trigger `act`, an object whose `do` is one of open, close, label,
confirm, undo, unmute, more and pick.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import streamlit as st

_STATIC = Path(__file__).parents[1] / "static"


def mount(key: str, data: dict[str, Any], on_act: Callable[[], None]) -> None:
    """Show the desk.

    Args:
        key: of the component, under which the session's state has its `act`.
        data: as above.
        on_act: called when a person has done something.
    """
    _component()(key=key, data=data, on_act_change=on_act)


@st.cache_resource
def _component() -> Any:
    scripts = ("timeline.js", "desk.js")
    return st.components.v2.component(
        "earshot_desk",
        css=(_STATIC / "desk.css").read_text(),
        js="\n".join((_STATIC / name).read_text() for name in scripts),
    )
