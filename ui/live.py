"""Whether there is something new: said, and shown only when a person asks for it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import streamlit as st

from earshot_client.filters import ResultFilters
from ui import session
from ui.desk import Desk
from ui.errors import guarded

REFRESH = timedelta(seconds=5)
_MOST = 20  # that are asked for: one small page


@st.fragment(run_every=REFRESH)
@guarded
def news(desk: Desk, filters: ResultFilters, what: str) -> None:
    """How many results came since the desk was loaded, and a button that loads it anew.

    It comes last on a page, and is shown over it (`style.css`): so it moves no row when it appears.

    Args:
        desk: of the page.
        filters: of what is announced; their beginning is replaced.
        what: the results are, for people.
    """
    if desk.loaded is None or datetime.now(UTC) - desk.loaded[1] < REFRESH / 2:
        return
    found, cursor = session.client().results_page(filters.since(desk.loaded[1]), _MOST)
    if not found:
        return
    number = f"{len(found)}{' or more' if cursor else ''} new {what}{'s' * (len(found) > 1)}"
    if st.button(f"{number}: show", icon=":material/fiber_new:", key=f"news of {desk.key}"):
        desk.loaded = None
        st.rerun()
