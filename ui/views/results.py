"""Results: all that match some filters, a page at a time; a row opens its clip."""

from __future__ import annotations

from typing import Any

import streamlit as st

from earshot_client.filters import ResultFilters
from ui import counts, filters, live, session, spans
from ui.components.rows import to_csv
from ui.desk import CLIP, Desk
from ui.errors import guarded
from ui.groups import Group


@guarded
def page() -> None:
    desk = Desk.of("results")
    with st.container(horizontal=True, vertical_alignment="center"):
        source, label = filters.ask_source(), filters.ask_label()
        zone, said_zone = filters.zone_of(source)
        name, span = filters.ask_span(zone, spans.TODAY)
    with st.container(horizontal=True, vertical_alignment="center"):
        states, least = filters.ask_states(), filters.ask_confidence()
    wanted = ResultFilters(label, source, span.start, span.end, least, states)
    if desk.stale((name, source, label, states, least)):
        desk.span, desk.zone, desk.said_zone = span, zone, said_zone
        group = Group("results", "Results, newest first", EMPTY, filters=wanted)
        with desk.loading():
            group.load(session.client())
        counts.begin(desk, wanted)
        desk.groups.append(group)
    if not any(group.results for group in desk.groups):
        filters.warn_of_unknown(source)
    draw(desk, wanted)
    live.news(desk, wanted, "result")


EMPTY = "No results match. Choose a longer time, or fewer filters; new results are announced here."


@st.fragment
@guarded
def draw(desk: Desk, wanted: ResultFilters) -> None:
    """The rows, and in a second pass their number and timeline."""
    known = desk.counts is not None
    total = counts.totals(desk.counts or [])["results"]
    with st.container(horizontal=True, vertical_alignment="center", key="number"):
        number = f"**{total:,} result{'s' * (total != 1)}**" if known else "**… results**"
        st.caption(f"{number}, {desk.span.words(desk.zone)}. {desk.said_zone}")
        st.download_button(
            f"CSV of {total:,}" if known else "CSV",
            lambda: to_csv(session.client().results(wanted)),
            "earshot-results.csv",
            "text/csv",
            icon=":material/download:",
            disabled=not total,
            on_click="ignore",
            help="All results that match, times in UTC",
        )
    desk.show(bulk=True, low=True, pick=pick)
    # At once, so that the download can be clicked only when the page is not drawn again.
    counted = counts.finish(desk, wanted)
    if desk.missing_thumbnails() or counted:
        st.rerun(scope="app")


def pick(what: dict[str, Any]) -> None:
    """Show the source that was chosen on the timeline."""
    st.session_state["source"] = what["source"]
    st.query_params.pop(CLIP, None)


st.title("Results")
page()
