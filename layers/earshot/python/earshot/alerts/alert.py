"""Alerts, and their JSON: what the topic sends and the API lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

from earshot.events import Event
from earshot.labels import Label
from earshot.results.result import Classification, Result
from earshot.results.serialization import events_from_json, events_to_json, optional_time
from earshot.times import format_time, local_time, parse_time

# Of a message: SNS takes 256 KiB (Amazon SNS quotas).
MAX_EVENTS = 20


@dataclass(frozen=True)
class Alert:
    """A message about one label of a result.

    Attributes:
        clip_id, source, timestamp, recorded_at, model_version: as of the result.
        uncertain: the label is below its alert threshold.
        label: that raised the alert; a clip with several labels raises an alert for each.
        confidence: of that label.
        events: of the result; in a message, those with the highest confidence (`MAX_EVENTS`).
        event_count: of all events that were detected, where `events` are fewer; otherwise None.
        alerted_at: when the alert was sent.
        verified_label: that feedback gave since; None without any.
        clip_url: address of the clip's sound, good for as long as the clip is kept; None if it is
            not kept, and in lists of alerts.
        event_url: as `clip_url`, of the event that raised the alert alone.
        page_url: of the clip in the web interface; None if there is none.
        source_name, place: of the source, as people set them.
        time_zone: IANA name of the source's time zone.
        addressees: whom the alert is for.
    """

    clip_id: str
    label: Label
    confidence: float
    uncertain: bool
    events: tuple[Event, ...]
    source: str
    timestamp: datetime
    recorded_at: datetime | None
    model_version: str
    alerted_at: datetime
    verified_label: Label | None = None
    clip_url: str | None = None
    event_count: int | None = None
    event_url: str | None = None
    page_url: str | None = None
    source_name: str = ""
    place: str = ""
    time_zone: str = ""
    addressees: tuple[str, ...] = ()

    @property
    def happened_at(self) -> datetime:
        """When the sound began, if that is known; else when the clip was classified."""
        best = best_event(self.events, self.label)
        if self.recorded_at is None:
            return self.timestamp
        return self.recorded_at + timedelta(seconds=best.start_s if best else 0.0)

    @property
    def alert_id(self) -> str:
        """The same in each copy of an alert, should one arrive twice."""
        return f"{self.clip_id}-{self.label}"


def best_event(events: Sequence[Event], label: Label) -> Event | None:
    """The event of a label with the highest confidence; None without any."""
    return max((e for e in events if e.label == label), key=attrgetter("confidence"), default=None)


def alert_about(
    result: Result,
    classification: Classification,
    alerted_at: datetime,
    *,
    label: Label | None = None,
    confidence: float | None = None,
) -> Alert:
    """Alert about a label of a result; about the clip's own unless another is given.

    Args:
        result, classification: what the alert is about.
        alerted_at: when it was sent.
        label, confidence: that raised the alert.
    """
    return Alert(
        clip_id=result.clip_id,
        label=label or classification.label,
        confidence=classification.confidence if confidence is None else confidence,
        uncertain=classification.uncertain and label in (None, classification.label),
        events=classification.events,
        source=result.source,
        timestamp=result.timestamp,
        recorded_at=result.recorded_at,
        model_version=classification.model_version,
        alerted_at=alerted_at,
        verified_label=result.verified_label,
        event_count=classification.event_count,
    )


def for_message(alert: Alert) -> Alert:
    """The alert with its events of highest confidence only, in order of time."""
    if len(alert.events) <= MAX_EVENTS:
        return alert
    best = sorted(alert.events, key=attrgetter("confidence"), reverse=True)[:MAX_EVENTS]
    return replace(
        alert,
        events=tuple(sorted(best, key=attrgetter("start_s"))),
        event_count=alert.event_count or len(alert.events),
    )


def to_json(alert: Alert) -> dict[str, Any]:
    """JSON object of an alert; what an alert does not have is left out."""
    document = {
        "alert_id": alert.alert_id,
        "clip_id": alert.clip_id,
        "label": str(alert.label),
        "confidence": alert.confidence,
        "uncertain": alert.uncertain,
        "events": events_to_json(alert.events),
        "event_count": alert.event_count,
        "source": alert.source,
        "timestamp": format_time(alert.timestamp),
        "recorded_at": format_time(alert.recorded_at) if alert.recorded_at else None,
        "model_version": alert.model_version,
        "result": f"/results/{alert.clip_id}",
        "alerted_at": format_time(alert.alerted_at),
        "verified_label": str(alert.verified_label) if alert.verified_label else None,
        "clip_url": alert.clip_url,
        "event_url": alert.event_url,
        "page_url": alert.page_url,
        "source_name": alert.source_name or None,
        "place": alert.place or None,
        "time_zone": alert.time_zone or None,
        "local_time": local_time(alert.happened_at, alert.time_zone) if alert.time_zone else None,
        "addressees": list(alert.addressees) or None,
    }
    return {name: value for name, value in document.items() if value is not None}


def from_json(document: Mapping[str, Any]) -> Alert:
    """Alert of its JSON object; fields that this software does not know are ignored.

    Raises:
        KeyError: a field is missing.
        ValueError: a label or a time is not one.
    """
    verified_label = document.get("verified_label")
    return Alert(
        clip_id=document["clip_id"],
        label=Label(document["label"]),
        confidence=float(document["confidence"]),
        uncertain=document["uncertain"],
        events=events_from_json(document["events"]),
        source=document["source"],
        timestamp=parse_time(document["timestamp"]),
        recorded_at=optional_time(document.get("recorded_at")),
        model_version=document["model_version"],
        alerted_at=parse_time(document["alerted_at"]),
        verified_label=Label(verified_label) if verified_label else None,
        clip_url=document.get("clip_url"),
        event_count=document.get("event_count"),
        event_url=document.get("event_url"),
        page_url=document.get("page_url"),
        source_name=document.get("source_name", ""),
        place=document.get("place", ""),
        time_zone=document.get("time_zone", ""),
        addressees=tuple(document.get("addressees", ())),
    )
