"""Status: whether all is well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from earshot.client import ResultFilters
from earshot.result import Result
from ui import session
from ui.components import looks
from ui.components.result_charts import throughput_chart
from ui.components.rows import local_time
from ui.guard import guarded

REFRESH = timedelta(seconds=5)
WINDOW = timedelta(hours=1)
MOST = 2000
MOST_ALERTS = 5

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
    last_alerts(list(client.alerts(MOST_ALERTS)))
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


def last_alerts(alerts: Sequence[dict[str, Any]]) -> None:
    """The last alerts that were sent, each with the way to its clip."""
    st.markdown("##### Last alerts")
    if not alerts:
        st.caption("None was sent yet.")
        return
    for alert in alerts:
        sent_at = local_time(alert["alerted_at"], zone)
        sure = looks.sureness(alert)
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f"**{looks.title(alert['label'])}**, {looks.per_cent(alert['confidence'])} "
                f"({sure.words.lower()}), at {alert['source']}, sent {sent_at:%d %b, %H:%M:%S}"
            )
            st.page_link(
                "views/results.py",
                label="Open",
                icon=":material/open_in_new:",
                query_params={"clip": alert["clip_id"]},
            )


st.title("Status")
page()
