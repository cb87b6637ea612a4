"""Status: whether all works, which model version serves, and how much sound comes in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from earshot.results.serialization import from_json
from earshot.times import parse_time
from earshot_client.filters import ResultFilters
from ui import counts, session
from ui.components import palette
from ui.components.result_charts import throughput_chart
from ui.components.rows import local_time
from ui.errors import guarded

REFRESH = timedelta(seconds=20)  # three small requests
WINDOW = timedelta(hours=1)

zone = st.context.timezone or "UTC"


@st.fragment(run_every=REFRESH)
@guarded
def page() -> None:
    """The whole page, anew every few seconds."""
    client = session.client()
    now = datetime.now(UTC)
    found, _ = counts.count(client, ResultFilters(start=now - WINDOW, end=now, by="classified"))
    total = counts.totals(found)["results"]
    health(client.status(), total)
    with st.container(border=True):
        st.markdown("##### Results in the last hour")
        if total:
            chart = throughput_chart(found, now, WINDOW, zone)
            st.altair_chart(chart, key="throughput", alt=f"{total} clips in the last hour")
        else:
            st.caption("No clip came in. See below when each source last sent a clip.")
    sources(client.sources(), now)
    st.caption(f"Updated at {local_time(now, zone):%H:%M:%S}. Times in {zone}.")


def health(status: dict[str, Any], lately: int) -> None:
    """Whether uploads fail, and the main figures."""
    queues = status["queues"]
    waiting, failed = queues.get("uploads", 0), queues.get("uploads_dead_letter", 0)
    if failed:
        st.error(
            f"{failed} uploads could not be classified and are set aside. To send them back, see "
            "docs/deploy.md.",
            icon=":material/report:",
        )
    else:
        st.success("No problems: the API answers, no upload has failed.", icon=":material/check:")
    model = status["model"]
    serving = status.get("serving")
    if serving and serving["refusal"]:
        st.error(
            f"The chosen version could not be loaded; {serving['version']} serves instead: "
            f"{palette.plain(serving['refusal'])}",
            icon=":material/report:",
        )
    cells = [
        ("Chosen version", model["version"] if model else "bundled", ":material/deployed_code:",
         "The champion: the model version that is to serve. Models can choose another."),
        ("Serves now", serving["version"] if serving else "unknown", ":material/graphic_eq:",
         "It follows the chosen version within a minute."),
        ("Waiting uploads", f"{waiting:,}", ":material/stacks:",
         "Uploaded clips that are not classified yet."),
        ("Failed uploads", f"{failed:,}", ":material/report:",
         "Uploads that failed five times and are set aside, in the dead-letter queue."),
        ("Clips in the last hour", f"{lately:,}", ":material/speed:", None),
    ]  # fmt: skip
    with st.container(horizontal=True):  # two by two on a telephone
        for name, value, icon, words in cells:
            st.metric(name, value, icon=icon, border=True, help=words)
    if status["last_result"]:
        last = from_json(status["last_result"])
        when = local_time(last.timestamp, zone)
        st.markdown(
            f"Last result: **{palette.label_title(last)}** from {palette.plain(last.source)}, "
            f"{when:%d %b, %H:%M:%S} "
        )


def sources(known: Sequence[dict[str, Any]], now: datetime) -> None:
    """When each source last sent a clip, and what is wrong with it."""
    if not known:
        st.info("No source has sent a clip yet. Classify one, or see docs/listen.md.")
        return
    with st.container(border=True):
        st.markdown("##### Sources")
        st.dataframe(
            [
                {
                    "source": one["source"],
                    "last": one["last_segment"]
                    and local_time(min(now, parse_time(one["last_segment"])), zone),
                    "fault": ", ".join(one["faults"]) or "none",
                }
                for one in sorted(known, key=lambda one: (not one["faults"], one["source"]))
            ],
            hide_index=True,
            height=min(38 + 35 * len(known), 390),
            column_config={
                "source": "Source",
                "last": st.column_config.DatetimeColumn("Last sound", format="D MMM, HH:mm:ss"),
                "fault": "Fault",
            },
            alt=f"{len(known)} sources, {sum(bool(one['faults']) for one in known)} with a fault",
        )


st.title("Status")
page()
