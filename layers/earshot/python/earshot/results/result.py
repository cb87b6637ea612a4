"""The result of a clip, as it is stored and sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from earshot.errors import RejectedClipError
from earshot.times import format_time
from earshot.uploads.objects import Description

if TYPE_CHECKING:  # numpy and LiteRT come with these; the API's package has neither
    from earshot.classification.classifier import Classification
    from earshot.model.events import Event
    from earshot.model.loading import Model

Result = dict[str, Any]


@dataclass(frozen=True)
class Origin:
    """Where a clip came from.

    Attributes:
        clip_id: the same for each delivery of the same clip.
        source: camera or site.
        place: what finds the clip again, such as its bucket and key; empty if it is not kept.
        recorded_at: None if the uploader did not say.
        warnings: what the uploader said and cannot be understood.
    """

    clip_id: str
    source: str
    place: dict[str, str]
    recorded_at: datetime | None = None
    warnings: tuple[str, ...] = ()

    def described(self, said: Description) -> Origin:
        """With what the uploader said of the clip."""
        return replace(
            self,
            source=said.source or self.source,
            recorded_at=said.recorded_at,
            warnings=said.warnings,
        )


def classified(
    origin: Origin, classification: Classification, model: Model, now: datetime
) -> Result:
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
        "warnings": [*origin.warnings, *classification.warnings],
        "model_version": model.version,
        "model_sha256": model.sha256,
    }


def rejected(origin: Origin, error: RejectedClipError, now: datetime) -> Result:
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


def _common(origin: Origin, now: datetime) -> Result:
    recorded = {"recorded_at": format_time(origin.recorded_at)} if origin.recorded_at else {}
    return {
        "clip_id": origin.clip_id,
        "source": origin.source,
        **recorded,
        **origin.place,
        "timestamp": format_time(now),
    }
