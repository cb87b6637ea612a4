"""The result of a clip, as it is stored and sent."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from earshot.classifier import Classification
from earshot.errors import RejectedClipError
from earshot.model import Model
from earshot.verdict import Event

_CLIP_ID_DIGITS = 32


@dataclass(frozen=True)
class Origin:
    """Where a clip came from.

    Attributes:
        clip_id: the same for each delivery of the same clip.
        source: camera or site.
        place: what finds the clip again, such as its bucket and key; empty for a posted clip.
    """

    clip_id: str
    source: str
    place: dict[str, str]


def object_clip_id(bucket: str, key: str, version: str) -> str:
    """Clip id of an S3 object version: 32 hexadecimal digits, the same whoever asks.

    Args:
        bucket: its bucket.
        key: its key, decoded.
        version: its version id; its ETag where the bucket keeps no versions.
    """
    return _digest(f"s3://{bucket}/{key}@{version}")


def posted_clip_id(request: str, content: bytes) -> str:
    """Clip id of a posted clip: the same for the same content under the same `request` key."""
    return _digest(f"post:{request}:{hashlib.sha256(content).hexdigest()}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_CLIP_ID_DIGITS]


def classified(
    origin: Origin, classification: Classification, model: Model, now: datetime
) -> dict[str, Any]:
    """Result of a clip that was heard."""
    return {
        **_common(origin, now),
        "status": "classified",
        "class_id": classification.label.class_id,
        "label": str(classification.label),
        "confidence": _rounded(classification.confidence),
        "probabilities": {str(k): _rounded(v) for k, v in classification.probabilities.items()},
        "uncertain": classification.uncertain,
        "events": [_event(event) for event in classification.events],
        "heard": [{"name": h.name, "score": _rounded(h.score)} for h in classification.heard],
        "duration_s": _rounded(classification.duration_s),
        "warnings": list(classification.warnings),
        "model_version": model.version,
        "model_sha256": model.sha256,
    }


def rejected(origin: Origin, error: RejectedClipError, now: datetime) -> dict[str, Any]:
    """Result of a clip that can never be heard, with the reason."""
    return {
        **_common(origin, now),
        "status": "rejected",
        "reason": {"code": error.code, "detail": error.detail},
    }


def _event(event: Event) -> dict[str, Any]:
    return {
        "label": str(event.label),
        "start_s": _rounded(event.start_s),
        "end_s": _rounded(event.end_s),
        "confidence": _rounded(event.confidence),
    }


def _rounded(value: float) -> float:
    """What is stored and what is sent are the same digits."""
    return round(value, 4)


def _common(origin: Origin, now: datetime) -> dict[str, Any]:
    return {
        "clip_id": origin.clip_id,
        "source": origin.source,
        **origin.place,
        "timestamp": now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
