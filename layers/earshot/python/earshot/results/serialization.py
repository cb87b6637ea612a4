"""Results as JSON: the one place that knows the names of their fields on the wire."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from earshot.events import Event
from earshot.labels import LABELS, Label
from earshot.results.result import (
    AudioSetClass,
    Classification,
    Feedback,
    Rejection,
    Result,
)
from earshot.times import format_time, parse_time
from earshot.uploads.objects import Location

Json = dict[str, Any]


def to_json(result: Result) -> Json:
    """JSON object of a result; what a result does not have is left out."""
    outcome = result.outcome
    document = {
        "clip_id": result.clip_id,
        "source": result.source,
        "recorded_at": _time(result.recorded_at),
        **(_location_to_json(result.location) if result.location else {}),
        "timestamp": format_time(result.timestamp),
        **(
            _classification_to_json(outcome)
            if isinstance(outcome, Classification)
            else _rejection_to_json(outcome)
        ),
        "verified_label": str(result.verified_label) if result.verified_label else None,
        "feedback": [feedback_to_json(one) for one in result.feedback] or None,
        "alerted_at": _time(result.alerted_at),
        "muted_by": {str(label): clip_id for label, clip_id in result.muted_by.items()} or None,
        "clip_url": result.clip_url,
    }
    return {name: value for name, value in document.items() if value is not None}


def from_json(document: Mapping[str, Any]) -> Result:
    """Result of its JSON object; fields that this software does not know are ignored.

    Raises:
        KeyError: a field is missing.
        ValueError: a label or a time is not one.
    """
    verified_label = document.get("verified_label")
    return Result(
        clip_id=document["clip_id"],
        source=document["source"],
        timestamp=parse_time(document["timestamp"]),
        outcome=(
            _classification_from_json(document)
            if document["status"] == "classified"
            else Rejection(document["reason"]["code"], document["reason"]["detail"])
        ),
        recorded_at=optional_time(document.get("recorded_at")),
        location=(
            Location(document["bucket"], document["key"], document.get("version_id"))
            if "key" in document
            else None
        ),
        verified_label=Label(verified_label) if verified_label else None,
        feedback=tuple(_feedback_from_json(one) for one in document.get("feedback", ())),
        alerted_at=optional_time(document.get("alerted_at")),
        muted_by={Label(label): clip_id for label, clip_id in document.get("muted_by", {}).items()},
        clip_url=document.get("clip_url"),
    )


def feedback_to_json(feedback: Feedback) -> Json:
    """JSON object of one feedback."""
    return {
        "label": str(feedback.label),
        "verdict": "confirmed" if feedback.confirmed else "corrected",
        "comment": feedback.comment,
        "by": feedback.by,
        "at": format_time(feedback.at),
    }


def events_to_json(events: Iterable[Event]) -> list[Json]:
    """JSON array of events."""
    return [{**event._asdict(), "label": str(event.label)} for event in events]


def events_from_json(documents: Iterable[Mapping[str, Any]]) -> tuple[Event, ...]:
    """Events of their JSON array."""
    return tuple(
        Event(
            Label(one["label"]),
            float(one["start_s"]),
            float(one["end_s"]),
            float(one["confidence"]),
        )
        for one in documents
    )


def optional_int(value: Any) -> int | None:
    """Whole number of its JSON value or DynamoDB number, if there is one."""
    return None if value is None else int(value)


def optional_time(text: str | None) -> datetime | None:
    """Time of its text, if there is one."""
    return parse_time(text) if text else None


def _time(time: datetime | None) -> str | None:
    return format_time(time) if time else None


def _location_to_json(location: Location) -> Json:
    return {
        "bucket": location.bucket,
        "key": location.key,
        "version_id": location.version_id,
    }


def _rejection_to_json(rejection: Rejection) -> Json:
    return {
        "status": "rejected",
        "reason": {"code": rejection.code, "detail": rejection.detail},
    }


def _classification_to_json(classification: Classification) -> Json:
    return {
        "status": "classified",
        "class_id": classification.label.class_id,
        "label": str(classification.label),
        "confidence": classification.confidence,
        "probabilities": {str(k): v for k, v in classification.probabilities.items()},
        "uncertain": classification.uncertain,
        "events": events_to_json(classification.events),
        "event_count": classification.event_count,
        "heard": [{"name": c.name, "score": c.score} for c in classification.audioset_top5],
        "duration_s": classification.duration_s,
        "warnings": list(classification.warnings),
        "model_version": classification.model_version,
        "model_sha256": classification.model_sha256,
    }


def _classification_from_json(document: Mapping[str, Any]) -> Classification:
    return Classification(
        label=Label(document["label"]),
        probabilities={label: float(document["probabilities"][label]) for label in LABELS},
        uncertain=document["uncertain"],
        events=events_from_json(document["events"]),
        event_count=optional_int(document.get("event_count")),
        audioset_top5=tuple(
            AudioSetClass(one["name"], float(one["score"])) for one in document["heard"]
        ),
        duration_s=float(document["duration_s"]),
        model_version=document["model_version"],
        model_sha256=document["model_sha256"],
        warnings=tuple(document["warnings"]),
    )


def _feedback_from_json(document: Mapping[str, Any]) -> Feedback:
    return Feedback(
        label=Label(document["label"]),
        confirmed=document["verdict"] == "confirmed",
        comment=document["comment"],
        by=document["by"],
        at=parse_time(document["at"]),
    )
