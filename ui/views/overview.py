"""Overview: what happened last night, or in another span, by source and label."""

from __future__ import annotations

from typing import Any

import streamlit as st

from earshot.labels import LABELS
from earshot_client.filters import ResultFilters
from ui import clips, counts, filters, live, session, spans
from ui.components import palette
from ui.desk import Desk
from ui.errors import guarded
from ui.groups import PAGE, Group
from ui.spans import Span

ASK = "▶ plays it. Yes: the label is right. No: it was a false alarm."
FIRST = 4  # alerts that are shown at first


@guarded
def page() -> None:
    desk = Desk.of("overview")
    with st.container(horizontal=True, vertical_alignment="center"):
        source = filters.ask_source()
        zone, said_zone = filters.zone_of(source)
        name, span = filters.ask_span(zone, spans.LAST_NIGHT)
    picked = st.query_params.get(filters.STRETCH)
    if desk.stale((name, source, picked)):
        desk.span, desk.zone, desk.said_zone = span, zone, said_zone
        with desk.loading():
            load(desk, span, source, picked)
    if not any(group.results for group in desk.groups):
        filters.warn_of_unknown(source)
    draw(desk, source)
    live.news(desk, ResultFilters(source=source, states=("alerted",)), "alert")


@st.fragment
@guarded
def draw(desk: Desk, source: str | None) -> None:
    """The desk: what is known at once, and in a second pass what takes longer."""
    when = desk.span.words(desk.zone)
    with st.container(key="headline"):
        st.caption(f"{headline(desk)} {when[:1].upper()}{when[1:]}. {desk.said_zone}")
    desk.show(low=bool(source), pick=pick)
    # Not one after the other: each time that a page is drawn again may cost a person a click.
    counted = counts.finish(desk, ResultFilters(source=source))
    if desk.missing_thumbnails() or counted:
        st.rerun()


def headline(desk: Desk) -> str:
    """All counts of the span in one sentence."""
    if desk.counts is None:
        return "Counting the results …"
    if not desk.counts:
        return (
            "No sound came in. Choose another time, or see whether a source is silent under Status."
        )
    found = counts.totals(desk.counts)
    n = len({one["source"] for one in desk.counts})
    labels = ", ".join(
        f"{palette.title(label)} {found[label]:,}" for label in LABELS if found[label]
    ) + (f", {palette.REJECTED} {found['rejected']:,}" if found["rejected"] else "")
    return (
        f"**{found['results']:,} results from {n} source{'s' * (n > 1)}**: "
        f"{labels}; {found['alerted']:,} alerts, {found['uncertain']:,} uncertain, "
        f"{found['reviewed']:,} reviewed."
    )


def load(desk: Desk, span: Span, source: str | None, picked: str | None) -> None:
    """The lists: what was picked, the alerts to review, and what else a source has."""
    client = session.client()
    wanted = ResultFilters(source=source, start=span.start, end=span.end)
    sent = [
        one
        for one in map(clips.as_result, clips.alerts(client, span.start))
        if span.holds(one.time) and source in (None, one.source)
    ]
    sent.sort(key=lambda one: one.time, reverse=True)  # what came late is where it belongs
    waiting = [one for one in sent if one.verified_label is None]
    if picked and source:
        desk.groups.append(of_stretch(source, picked, desk.zone))
    desk.groups.append(
        Group(
            "alerts",
            f"Alerts to review: {len(waiting)}",
            "No alert waits for review." if sent else "No alert was sent in this time.",
            ASK if waiting and session.may("train") else "",
            results=waiting if source else waiting[:FIRST],
            rest=[] if source else waiting[FIRST:],
            above=True,
        )
    )
    if source:
        desk.groups += [
            Group("threats", f"Also found at {source}", "No threat was found.",
                  filters=wanted.only("threat")),
            Group("all", f"All results of {source}", "No sound came from it in this time.",
                  filters=wanted),
        ]  # fmt: skip
    for group in desk.groups:
        if group.filters:
            group.load(client, FIRST if group.id == "all" else PAGE)
    counts.begin(desk, wanted)  # last: the lists are what is wanted first


def of_stretch(source: str, picked: str, zone: str) -> Group:
    """What a source has in a stretch of the timeline."""
    start, end = (spans.of_milliseconds(part) for part in picked.split("-"))
    words = Span(start, end).words(zone)
    wanted = ResultFilters(source=source, start=start, end=end)
    return Group(
        "picked", f"{source}, {words}", "No clip.", filters=wanted.only("threat"), above=True
    )


def pick(what: dict[str, Any]) -> None:
    """Show the source, and the stretch of time, that was chosen on the timeline."""
    desk = Desk.of("overview")
    st.session_state["source"] = what["source"]
    filters.forget_stretch()
    if desk.timeline and "from" in what:
        starts = desk.timeline["starts"]
        st.query_params[filters.STRETCH] = f"{starts[what['from']]}-{starts[what['to']]}"


st.title("What happened")
page()
