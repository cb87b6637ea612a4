"""Review: alerts and uncertain clips that nobody has labeled yet, one after another."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import streamlit as st

from earshot.alerts.alert import Alert
from earshot_client.filters import ResultFilters
from ui import clips, filters, live, precision, session, spans
from ui.desk import Desk
from ui.errors import guarded
from ui.groups import Group

KEYS = (
    "**J** next, **K** previous, **space** plays the event, **Y** the label is right, **N** it is "
    "casual, **1** casual, **2** gunshot, **3** explosion, **4** siren, **M** casual, and no alert "
    "for what sounds like it, **U** undo, **Esc** close."
)


@guarded
def page() -> None:
    desk = Desk.of("review")
    with st.container(horizontal=True, vertical_alignment="center"):
        source = filters.ask_source()
        zone, said_zone = filters.zone_of(source)
        name, span = filters.ask_span(zone, spans.WEEK)
    wanted = ResultFilters(source=source, start=span.start, end=span.end)
    if desk.stale((name, source)):
        desk.span, desk.zone, desk.said_zone = span, zone, said_zone
        with desk.loading():
            load(desk, wanted)
    if not any(group.results for group in desk.groups):
        filters.warn_of_unknown(source)
    draw(desk, wanted)
    live.news(desk, wanted.only("alerted"), "alert")


@st.fragment
@guarded
def draw(desk: Desk, wanted: ResultFilters) -> None:
    """The queue; what takes longer to find is loaded in a second pass."""
    st.caption(f"{desk.said_zone} Keys: {KEYS}")
    # An alert may be among the uncertain and the other threats as well.
    all_clips = {one.clip_id: one for g in desk.groups for one in (*g.rest, *g.results)}
    if known := len(all_clips):
        done = sum(one.verified_label is not None for one in all_clips.values())
        more = " and more" if any(group.cursor for group in desk.groups) else ""
        with st.container(key="reviewed"):
            st.progress(done / known, text=f"{done} of {known}{more} reviewed")
    st.markdown(precision.words(_with_labels(desk)))
    desk.show(bulk=True, advance=True)
    pending = [group for group in desk.groups if group.pending]
    for group in pending:
        group.load(session.client())
    if desk.missing_thumbnails() or pending:
        st.rerun(scope="app")


def load(desk: Desk, wanted: ResultFilters) -> None:
    """The alerts of the queue, and those of the last seven days."""
    week = datetime.now(UTC) - timedelta(days=7)
    start = min(wanted.start, week) if wanted.start else None
    sent = [
        one for one in clips.alerts(session.client(), start) if wanted.source in (None, one.source)
    ]
    desk.alerts = [one for one in sent if one.alerted_at >= week]
    waiting = [
        one
        for one in map(clips.as_result, sent)
        if one.verified_label is None and desk.span.holds(one.time)
    ]
    waiting.sort(key=lambda one: one.time, reverse=True)
    desk.groups += [
        Group("alerts", "Alerts", "No alert waits for review.", results=waiting),
        Group("uncertain", "Uncertain", "No uncertain clip waits for review.", pending=True,
              filters=wanted.only("uncertain", "unreviewed")),
        Group("threats", "Other gunshots, explosions and sirens", "None waits for review.",
              pending=True, filters=wanted.only("threat", "unreviewed")),
    ]  # fmt: skip


def _with_labels(desk: Desk) -> list[Alert]:
    """The alerts of the week, with the labels that were given here since they were loaded."""
    given = {one.clip_id: one.verified_label for g in desk.groups for one in g.results}
    return [
        replace(one, verified_label=given.get(one.clip_id, one.verified_label))
        for one in desk.alerts
    ]


st.title("Review")
page()
