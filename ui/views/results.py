"""Results: recent results, live; a row opens its clip."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import httpx
import streamlit as st

from earshot.labels import LABELS
from earshot.results.result import Result
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from earshot_client.transport import ApiError
from ui import session
from ui.components import clip, feedback, palette
from ui.components.result_charts import timeline_chart
from ui.components.rows import local_time, table, to_csv
from ui.errors import guarded

REFRESH = timedelta(seconds=5)
SHOWN = 500
SPANS = {
    "Last hour": timedelta(hours=1),
    "Last 24 hours": timedelta(days=1),
    "Last 7 days": timedelta(days=7),
    "Any time": None,
    "Between …": None,
}
CLIP_ID = re.compile(r"[0-9a-f]{32}")
CLIP = "clip"  # the opened clip, in the page's address
SHOWN_CLIP = "shown clip"  # the same, when the whole page was drawn last

zone = st.context.timezone or "UTC"


def ask_filters() -> ResultFilters:
    """What the person wants to see."""
    known = st.session_state.get("sources", [])
    label_column, span_column, source_column, confidence_column = st.columns(
        [3, 3, 3, 3], gap="medium"
    )
    label = label_column.selectbox(
        "Label", [None, *map(str, LABELS)], format_func=lambda v: palette.title(v) if v else "All"
    )
    span = span_column.selectbox("Time", list(SPANS), index=1)
    source = source_column.selectbox(
        "Source", known, index=None, accept_new_options=True, placeholder="All", key="of source"
    )
    least = confidence_column.slider("Minimum confidence", 0, 100, 0, 5, format="%d %%")
    start, end = None, None
    if span == "Between …":
        here = ZoneInfo(zone)
        today = datetime.now(here).date()
        days = st.date_input("Days", (today - timedelta(days=1), today))
        if isinstance(days, tuple) and len(days) == 2:
            start, end = (
                datetime.combine(day, time(), here)
                for day in (days[0], days[1] + timedelta(days=1))
            )
    elif length := SPANS[span]:
        start = datetime.now(UTC) - length
    return ResultFilters(label, source, start, end, least / 100 or None)


@st.fragment(run_every=REFRESH)
@guarded
def live(filters: ResultFilters) -> None:
    """The table and its timeline, asked for anew every few seconds."""
    results = list(session.client().results(filters, SHOWN))
    remember_sources(results)
    classified = [result for result in results if result.classification]
    with st.container(horizontal=True, vertical_alignment="center"):
        more = " and more" if len(results) == SHOWN else ""
        clock = local_time(datetime.now(UTC), zone)
        st.caption(f"Results: {len(results)}{more}, updated at {clock:%H:%M:%S}, newest first")
        st.space("stretch")
        st.download_button(
            "CSV",
            to_csv(results),
            "earshot-results.csv",
            "text/csv",
            icon=":material/download:",
            disabled=not results,
            help="All results that match, times in UTC",
        )
    if not results:
        st.info("No results match. New ones appear here automatically.")
        return
    if classified:
        until = filters.end or datetime.now(UTC)
        st.altair_chart(
            timeline_chart(classified, filters.start, until, zone),
            key="timeline",
            alt=describe_timeline(classified),
        )
    show(results)


def show(results: Sequence[Result]) -> None:
    """The results, of which one can be opened."""
    ids = [result.clip_id for result in results]
    opened = st.query_params.get(CLIP)
    rows = [ids.index(opened)] if opened in ids else []

    def opens() -> None:
        chosen = st.session_state[key]["selection"]["rows"]
        if chosen:
            st.query_params[CLIP] = ids[chosen[0]]
        else:
            st.query_params.pop(CLIP, None)

    # Another key for other rows: a selection is a row's number, and new rows come first.
    key = f"results {hash((*ids, *(r.verified_label for r in results)))}"
    st.dataframe(
        table(results, zone),
        key=key,
        on_select=opens,
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows}},
        hide_index=True,
        placeholder="",  # for rejected clips
        height=min(38 + 35 * len(results), 390),
        alt="Results; select a row to open its clip",
        column_config={
            "time": st.column_config.DatetimeColumn(f"Time ({zone})", format="D MMM, HH:mm:ss"),
            "label": "Label",
            "confidence": "Confidence",
            "events": "Events",
            "source": "Source",
            "checked": "Feedback",
            "model": "Model",
        },
    )
    if st.query_params.get(CLIP) != st.session_state[SHOWN_CLIP]:
        st.rerun()  # the clip is shown outside this part of the page


def remember_sources(results: Sequence[Result]) -> None:
    """Offer the sources that have been seen as a filter."""
    known = set(st.session_state.get("sources", []))
    st.session_state["sources"] = sorted(known | {result.source for result in results})


def describe_timeline(results: Sequence[Result]) -> str:
    """The timeline in words."""
    found = Counter(r.classification.label for r in results if r.classification)
    counts = [f"{found[label]} {label}" for label in LABELS]
    return f"Timeline of {len(results)} clips: {', '.join(counts)}."


@guarded
def opened_clip() -> None:
    """The clip that was opened, with player and picture."""
    clip_id = st.query_params.get(CLIP)
    if not clip_id:
        st.caption("Select a row to open its clip.")
        return
    with st.container(border=True):
        # Whoever made the link chose the text: nothing else than an id is asked for or shown.
        result = session.client().result(clip_id) if CLIP_ID.fullmatch(clip_id) else None
        if result is None:
            named = palette.plain(clip_id)
            st.warning(f"There is no result for the clip {named}.", icon=":material/search_off:")
            return
        when = local_time(result.timestamp, zone)
        st.caption(f"Clip `{clip_id}`, {when:%d %B %Y, %H:%M:%S}")
        url = result.clip_url
        content = _fetch(session.client(), clip_id, url) if url else None
        clip.show(result, content, clip_id)
        feedback.ask(result, clip_id)
        history(result)


def history(result: Result) -> None:
    """Feedback on the clip."""
    given = result.feedback
    if given:
        with st.expander(f"Feedback ({len(given)})"):
            for one in reversed(given):
                comment = f": {one.comment}" if one.comment else ""
                st.text(
                    f"{local_time(one.at, zone):%d %b %Y, %H:%M}  "
                    f"{'confirmed' if one.confirmed else 'corrected'} "
                    f"{palette.title(one.label)}{comment}"
                )


@st.cache_data(max_entries=16, show_spinner="Fetching the recording")
def _fetch(_client: EarshotClient, clip_id: str, _url: str) -> bytes | None:
    """The recording, None if it is gone; its address is another each time, the clip is not."""
    try:
        return _client.fetch(_url)
    except ApiError as error:
        if error.status == httpx.codes.NOT_FOUND:
            return None
        raise


st.title("Results")
st.session_state[SHOWN_CLIP] = st.query_params.get(CLIP)
live(ask_filters())
opened_clip()
