"""Filters of a page. They are in its address, so that they survive a reload and can be shared."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from earshot.labels import LABELS
from earshot.results.states import State
from ui import session, spans
from ui.components import palette
from ui.spans import Span

STRETCH = "at"  # what was picked from the timeline of a source, in the page's address
_SOURCES = "sources"  # that this session has seen, and the time zone of each; UTC if none is set


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
        on_change=_source_chosen,
    )  # fmt: skip


def _source_chosen() -> None:
    """Take a part of a source's name for the source, if only one has it."""
    forget_stretch()
    typed = st.session_state["source"]
    if typed and typed not in sources():
        named = _named(typed)
        if len(named) == 1:
            st.session_state["source"] = named[0]


def _named(part: str) -> list[str]:
    """Sources with this in their names."""
    return [one for one in sources() if part.casefold() in one.casefold()]


def warn_of_unknown(source: str | None) -> None:
    """Say that a source from which a page has nothing is not known, either."""
    if source and source not in sources():
        st.session_state.pop(_SOURCES)  # it may be new
    if source and source not in sources():
        alike = _named(source) or difflib.get_close_matches(source, sources())
        which = f" Is it {' or '.join(map(palette.plain, alike[:3]))}?" if alike else ""
        st.warning(
            f"No sound has come from a source called {palette.plain(source)}.{which}",
            icon=":material/search_off:",
        )


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
    return sorted(_zones())


def _zones() -> dict[str, str]:
    if _SOURCES not in st.session_state:
        known = session.client().sources()
        st.session_state[_SOURCES] = {one["source"]: one["time_zone"] for one in known}
    found: dict[str, str] = st.session_state[_SOURCES]
    return found


def zone_of(source: str | None) -> tuple[str, str]:
    """Time zone in which a page shows times, and what is said about it.

    It is that of the source, or of all sources, where one is set; otherwise that of the viewer.
    """
    zones = _zones()
    of_all = set(zones.values())
    if source and zones.get(source, "UTC") != "UTC":
        return zones[source], f"Times in {zones[source]}, the zone of {palette.plain(source)}."
    if not source and len(of_all) == 1 and of_all != {"UTC"}:
        (zone,) = of_all
        return zone, f"Times in {zone}, the zone of all sources."
    viewers = st.context.timezone or "UTC"
    return viewers, f"Times in {viewers}."


def source_zone(source: str, zone: str) -> str:
    """Time zone in which a clip of a source is shown: its own if it has one, or the page's."""
    own = _zones().get(source, "UTC")
    return zone if own == "UTC" else own


def remember(counts: Iterable[dict[str, Any]]) -> None:
    """Offer the sources of these counts, too."""
    for one in counts:
        _zones().setdefault(one["source"], "UTC")
