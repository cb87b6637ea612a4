"""Results for tests, typed and as the API sends them."""

from __future__ import annotations

from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from earshot.events import Event
from earshot.labels import LABELS, Label
from earshot.results.result import AudioSetClass, Classification, Rejection, Result
from earshot.results.serialization import to_json
from earshot.uploads.objects import Location

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOCATION = Location("clips", "incoming/gate/a.wav", "v7")
_OF_CLASSIFICATION = {field.name for field in fields(Classification)}


def classified(clip_id: str = "c1", *, confidence: float = 0.9, **changes: Any) -> Result:
    """Result of a clip of a siren; `changes` are fields of the result or its classification."""
    label = changes.pop("label", Label.SIREN)
    others = {one: (1 - confidence) / 3 for one in LABELS if one != label}
    fields_of_it: dict[str, Any] = {
        "label": label,
        "probabilities": {one: others.get(one, confidence) for one in LABELS},
        "uncertain": False,
        "events": () if label is Label.CASUAL else (Event(label, 0.5, 2.0, confidence),),
        "audioset_top5": (AudioSetClass("Siren", 0.9),),
        "duration_s": 3.0,
        "model_version": "v1",
        "model_sha256": "ab" * 32,
    }
    for name in _OF_CLASSIFICATION & changes.keys():
        fields_of_it[name] = changes.pop(name)
    result: dict[str, Any] = {"source": "gate", "timestamp": NOON, "location": LOCATION, **changes}
    return Result(clip_id, outcome=Classification(**fields_of_it), **result)


def classification(**changes: Any) -> Classification:
    """Classification of `classified`."""
    found = classified(**changes).classification
    assert found is not None
    return found


def rejected(clip_id: str = "c1", **changes: Any) -> Result:
    """Result of a clip that is no audio."""
    result: dict[str, Any] = {"source": "gate", "timestamp": NOON, "location": LOCATION, **changes}
    return Result(clip_id, outcome=Rejection("not_audio", "It is no audio."), **result)


def classified_json(clip_id: str = "c1", **changes: Any) -> dict[str, Any]:
    """JSON object of `classified`."""
    return to_json(classified(clip_id, **changes))
