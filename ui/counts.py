"""Numbers of results in a span, asked for while the lists are loaded and drawn."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import streamlit as st

from earshot.labels import LABELS
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from ui import filters, session
from ui.components.timeline import timeline
from ui.desk import Desk


def begin(desk: Desk, wanted: ResultFilters) -> None:
    """Have the results of a desk counted, and keep room for their timeline."""
    desk.lines = len(LABELS) if wanted.source else len(filters.sources())
    desk.counting = _pool().submit(count, session.client(), wanted)


def finish(desk: Desk, wanted: ResultFilters) -> bool:
    """Wait for a desk's counts, and draw their timeline; whether there are new ones to show.

    Args:
        desk: of the page.
        wanted: what was counted. The labels of its source are the timeline's lines; without one
            each source is a line.
    """
    if desk.counting is None:
        return False
    counting, desk.counting = desk.counting, None
    with desk.loading():
        desk.counts, bucket_s = counting.result()
    filters.remember(desk.counts)
    now, span = datetime.now(UTC), desk.span
    end = min(span.end, now) if span.end else now
    desk.timeline = timeline(
        desk.counts,
        bucket_s,
        (span.start, end),
        desk.zone,
        by_label=wanted.source,
        all_sound=not (wanted.label or wanted.states or wanted.min_confidence),
    )
    return True


def count(client: EarshotClient, wanted: ResultFilters) -> tuple[list[dict[str, Any]], int]:
    """Counts of all results of these filters, and the length of their buckets in seconds."""
    found: list[dict[str, Any]] = []
    bucket_s = 0
    for page in client.summary(wanted):
        found += page["counts"]
        bucket_s = page["bucket_s"]
    return found, bucket_s


@st.cache_resource
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(8, "counts")


def totals(counts: Iterable[dict[str, Any]]) -> dict[str, int]:
    """Numbers of results by label, and those of all states, in counts of a summary."""
    found: defaultdict[str, int] = defaultdict(int)
    for one in counts:
        found["results"] += one["results"]
        found[one["label"] or "rejected"] += one["results"]
        for state in ("alerted", "uncertain", "reviewed", "corrected"):
            found[state] += one[state]
    return found
