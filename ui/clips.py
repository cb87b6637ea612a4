"""Clips and alerts as this interface reads them from the API."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import takewhile

import httpx
import streamlit as st

from earshot.alerts.alert import Alert
from earshot.labels import LABELS
from earshot.results.result import Classification, Result
from earshot_client.api_client import EarshotClient
from earshot_client.transport import ApiError
from ui.components import clip_data


@st.cache_data(max_entries=32, show_spinner=False)
def recording(_client: EarshotClient, clip_id: str, _url: str) -> bytes | None:
    """The recording, None if it is gone; its address is another each time, the clip is not."""
    try:
        return _client.fetch(_url)
    except ApiError as error:
        if error.status == httpx.codes.NOT_FOUND:
            return None
        raise


@st.cache_data(max_entries=1000, show_spinner=False)
def thumbnail(_client: EarshotClient, clip_id: str) -> str | None:
    """A small spectrogram of a clip; None if the clip is gone."""
    try:
        result = _client.result(clip_id)
        content = _client.fetch(result.clip_url) if result and result.clip_url else None
    except ApiError:
        return None  # the row does without
    return clip_data.thumbnail(content) if content else None


def thumbnails(client: EarshotClient, clip_ids: Sequence[str]) -> dict[str, str | None]:
    """Small spectrograms of several clips at once."""
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda clip_id: thumbnail(client, clip_id), clip_ids)
        return dict(zip(clip_ids, found, strict=True))


def alerts(client: EarshotClient, start: datetime | None) -> Iterator[Alert]:
    """Alerts that were sent since a time, newest first."""
    return takewhile(lambda alert: start is None or alert.alerted_at >= start, client.alerts())


def as_result(alert: Alert) -> Result:
    """The result that an alert is about, as far as the alert says."""
    probabilities = {one: alert.confidence if one == alert.label else 0.0 for one in LABELS}
    classification = Classification(
        alert.label, probabilities, alert.uncertain, alert.events, (), 0.0, alert.model_version, ""
    )
    return Result(
        alert.clip_id,
        alert.source,
        alert.timestamp,
        classification,
        recorded_at=alert.recorded_at,
        verified_label=alert.verified_label,
        alerted_at=alert.alerted_at,
    )
