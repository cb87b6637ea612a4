"""Small things that only a script in the browser can do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import streamlit as st

_STATIC = Path(__file__).parents[1] / "static"


def close_menu_on_phones() -> None:
    """Close the menu of a telephone once a page was chosen."""
    _script("menu")(key="menu")


def leave(url: str) -> None:
    """Forget who has signed in, and go to the provider's way out."""
    _script("leave")(key="leave", data=url)


@st.cache_resource
def _script(name: str) -> Any:
    return st.components.v2.component(f"earshot_{name}", js=(_STATIC / f"{name}.js").read_text())
