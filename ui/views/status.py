"""Status: whether all is well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from earshot.client import ResultFilters
from earshot.labels import Label
from earshot.result import Result
from ui import session
from ui.components import looks
from ui.components.result_charts import throughput_chart
from ui.components.rows import local_time
from ui.guard import guarded

REFRESH = timedelta(seconds=5)
WINDOW = timedelta(hours=1)
MOST = 2000
MOST_DANGERS = 5

zone = st.context.timezone or "UTC"


@st.fragment(run_every=REFRESH)
@guarded
def page() -> None:
    """The whole page, anew every few seconds."""
    client = session.client()
    status = client.status()
    now = datetime.now(UTC)
    lately = list(client.results(ResultFilters(start=now - WINDOW), MOST))
    health(status, lately)
    with st.container(border=True):
        st.markdown("##### Clips heard in the last hour")
        st.altair_chart(
            throughput_chart(lately, now, WINDOW, zone),
            key="throughput",
            alt=f"{len(lately)} clips in the last hour",
        )
    dangers(lately)
    st.caption(f"Asked for at {local_time(now.isoformat(), zone):%H:%M:%S}")


def health(status: dict[str, Any], lately: Sequence[Result]) -> None:
    """The few numbers that tell whether all is well, and a sentence that says so."""
    queues = status["queues"]
    waiting, dead = queues.get("uploads", 0), queues.get("uploads_dead_letter", 0)
    if dead:
        st.error(
            f"{dead} uploads could not be heard and wait in the dead letter queue. The README "
            "says how to send them back.",
            icon=":material/report:",
        )
    else:
        st.success("All is well: the API answers and nothing is stuck.", icon=":material/check:")
    model, last = status["model"], status["last_result"]
    cells = [
        ("Champion", model["version"] if model else "bundled", ":material/deployed_code:"),
        ("Waiting uploads", waiting, ":material/stacks:"),
        ("Dead letters", dead, ":material/report:"),
        ("Clips in the last hour", f"{len(lately)}{'+' if len(lately) == MOST else ''}",
         ":material/speed:"),
    ]  # fmt: skip
    for column, (name, value, icon) in zip(st.columns(len(cells)), cells, strict=True):
        column.metric(name, value, icon=icon, border=True)
    if last:
        when = local_time(last["timestamp"], zone)
        st.markdown(
            f"Last result: **{looks.heard_title(last)}** from {last['source']}, "
            f"{when:%d %b, %H:%M:%S} "
        )


def dangers(lately: Sequence[Result]) -> None:
    """The last sounds of danger, each with the way to its clip."""
    st.markdown("##### Last gunshots, explosions and sirens")
    found = [r for r in lately if r["status"] == "classified" and r["label"] != Label.CASUAL]
    if not found:
        st.caption("None in the last hour.")
        return
    for result in found[:MOST_DANGERS]:
        when = local_time(result["timestamp"], zone)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{looks.title(result['label'])}**, {looks.per_cent(result['confidence'])}, "
                f"at {result['source']}, {when:%H:%M:%S}"
            )
            st.page_link(
                "views/results.py",
                label="Open",
                icon=":material/open_in_new:",
                query_params={"clip": result["clip_id"]},
            )


st.title("Status")
page()
