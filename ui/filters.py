"""Filters of a page. They are in its address, so that they survive a reload and can be shared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from earshot.labels import LABELS
from earshot.results.states import State
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from ui import session, spans
from ui.components import palette
from ui.components.timeline import timeline
from ui.spans import Span

STRETCH = "at"  # what was picked from the timeline of a source, in the page's address
_SOURCES = "sources"  # that this session has seen


def ask_span(zone: str, default: str) -> tuple[object, Span]:
    """The span that the person wants to see: how they name it, and what that is now."""
    initial = None if "span" in st.query_params else default
    name = st.segmented_control(
        "Time", spans.NAMES, default=initial, required=True, key="span", bind="query-params",
        label_visibility="collapsed",
    )  # fmt: skip
    days: tuple[date, date] | None = None
    if name == spans.DAYS:
        today = datetime.now(ZoneInfo(zone)).date()
        chosen = st.date_input(
            "Days", (today - timedelta(days=1), today), key="days", bind="query-params"
        )
        if isinstance(chosen, tuple) and len(chosen) == 2:
            days = (chosen[0], chosen[1])
    return (name, days), spans.span(name or default, datetime.now(UTC), zone, days)


def ask_source() -> str | None:
    """The source that the person wants to see; None for all."""
    return st.selectbox(
        "Source", sources(), index=None, accept_new_options=True, placeholder="All sources",
        key="source", bind="query-params", label_visibility="collapsed",
        on_change=forget_stretch,
    )  # fmt: skip


def forget_stretch() -> None:
    """Show all of the span again, not what was picked from the timeline."""
    st.query_params.pop(STRETCH, None)


def ask_label() -> str | None:
    """The label that the person wants to see; None for all."""
    return st.selectbox(
        "Label", list(map(str, LABELS)), index=None, format_func=palette.title,
        placeholder="All labels", key="label", bind="query-params", label_visibility="collapsed",
    )  # fmt: skip


def ask_states() -> tuple[str, ...]:
    """What has become of the results that the person wants to see."""
    chosen = st.pills(
        "Only", [str(state) for state in State], selection_mode="multi", key="state",
        bind="query-params", format_func=str.capitalize, label_visibility="collapsed",
    )  # fmt: skip
    return tuple(chosen)


def ask_confidence() -> float | None:
    """The least confidence, 0 to 1; None for any."""
    least = st.slider(
        "Minimum confidence", 0, 100, 0, 5, format="%d %%", key="confidence", bind="query-params"
    )
    return least / 100 or None


def sources() -> list[str]:
    """Sources of the installation, as they are known to this session."""
    if _SOURCES not in st.session_state:
        st.session_state[_SOURCES] = {one["source"] for one in session.client().sources()}
    return sorted(st.session_state[_SOURCES])


def count(client: EarshotClient, filters: ResultFilters) -> tuple[list[dict[str, Any]], int]:
    """Counts of all results of these filters, and the length of their buckets in seconds."""
    counts: list[dict[str, Any]] = []
    bucket_s = 0
    for page in client.summary(filters):
        counts += page["counts"]
        bucket_s = page["bucket_s"]
    seen: set[str] = st.session_state.setdefault(_SOURCES, set())
    seen |= {one["source"] for one in counts}
    return counts, bucket_s


def drawn(
    counts: list[dict[str, Any]], bucket_s: int, span: Span, zone: str, source: str | None
) -> dict[str, Any] | None:
    """The timeline of counts, up to now at most."""
    now = datetime.now(UTC)
    end = min(span.end, now) if span.end else now
    return timeline(counts, bucket_s, (span.start, end), zone, by_label=source)


def totals(counts: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Numbers of results by label, and those of all states, in counts of a summary."""
    found: defaultdict[str, int] = defaultdict(int)
    for one in counts:
        found["results"] += one["results"]
        found[one["label"] or "rejected"] += one["results"]
        for state in ("alerted", "uncertain", "reviewed", "corrected"):
            found[state] += one[state]
    return found
