"""Status: champion, queues, throughput and alerts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import streamlit as st

from earshot.alerts.alert import Alert
from earshot.results.result import Result
from earshot.results.serialization import from_json
from earshot_client.filters import ResultFilters
from ui import session
from ui.components import clip, palette
from ui.components.result_charts import throughput_chart
from ui.components.rows import local_time
from ui.errors import guarded

REFRESH = timedelta(seconds=5)
WINDOW = timedelta(hours=1)
MOST = 2000
SHOWN_ALERTS = 8

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
        st.markdown("##### Results in the last hour")
        st.altair_chart(
            throughput_chart(lately, now, WINDOW, zone),
            key="throughput",
            alt=f"{len(lately)} clips in the last hour",
        )
    alerts(list(client.alerts(SHOWN_ALERTS)))
    st.caption(f"Updated at {local_time(now, zone):%H:%M:%S} ({zone})")


def health(status: dict[str, Any], lately: Sequence[Result]) -> None:
    """Whether uploads fail, and the main figures."""
    queues = status["queues"]
    waiting, dead = queues.get("uploads", 0), queues.get("uploads_dead_letter", 0)
    if dead:
        st.error(
            f"{dead} uploads could not be classified and are in the dead-letter queue. To "
            "send them back, see docs/deploy.md.",
            icon=":material/report:",
        )
    else:
        st.success("No problems: the API answers, no upload has failed.", icon=":material/check:")
    model = status["model"]
    serving = status.get("serving")
    if serving and serving["refusal"]:
        st.error(
            f"The champion could not be loaded; {serving['version']} serves instead: "
            f"{palette.plain(serving['refusal'])}",
            icon=":material/report:",
        )
    last = from_json(status["last_result"]) if status["last_result"] else None
    cells = [
        ("Champion", model["version"] if model else "bundled", ":material/deployed_code:"),
        ("Serves", serving["version"] if serving else "unknown", ":material/graphic_eq:"),
        ("Waiting uploads", waiting, ":material/stacks:"),
        ("Failed uploads", dead, ":material/report:"),
        ("Clips in the last hour", f"{len(lately)}{'+' if len(lately) == MOST else ''}",
         ":material/speed:"),
    ]  # fmt: skip
    with st.container(horizontal=True):  # two by two on a telephone
        for name, value, icon in cells:
            st.metric(name, value, icon=icon, border=True)
    if last:
        when = local_time(last.timestamp, zone)
        st.markdown(
            f"Last result: **{palette.label_title(last)}** from {palette.plain(last.source)}, "
            f"{when:%d %b, %H:%M:%S} "
        )


def alerts(sent: Sequence[Alert]) -> None:
    """The last alerts: what, how sure, where and when, each with the way to its clip."""
    with st.container(border=True):
        st.markdown("##### Last alerts")
        if not sent:
            st.caption("No alert has been sent yet.")
        for alert in sent:
            _alert(alert)


def _alert(alert: Alert) -> None:
    look, sure = palette.LOOKS[alert.label], palette.sureness(alert)
    when = local_time(alert.alerted_at, zone)
    key = f"alert-{alert.clip_id}"
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", key=key):
        st.markdown(f"**:{look.badge}[{look.symbol}] {look.word}**", width=100)
        st.markdown(f"{when:%d %b, %H:%M:%S}", width=118)
        st.page_link(
            "views/results.py",
            label="Open",
            icon=":material/open_in_new:",
            query_params={"clip": alert.clip_id},
        )
        st.text(alert.source, width=150)
        words = f"{sure.words}, {palette.per_cent(alert.confidence)}"
        st.badge(words, icon=sure.icon, color=sure.color)  # type: ignore[arg-type]
        clip.person_badge(alert.label, alert.verified_label)


st.title("Status")
page()
