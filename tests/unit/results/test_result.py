"""Results: ids that distinguish clips, and the fields that clients rely on."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone

from earshot.errors import RejectedClipError
from earshot.events import Event
from earshot.labels import Label
from earshot.results.result import (
    AudioSetClass,
    Classification,
    Feedback,
    Origin,
    classified,
    rejected,
)
from earshot.results.serialization import from_json, to_json
from earshot.uploads.objects import Location, issue_key, object_clip_id, posted_clip_id
from tests.unit import sample_results

ORIGIN = Origin("c1", "gate", Location("b", "incoming/gate/a.wav"))
NOON_IN_BERLIN = datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=1)))


def test_class_ids_are_those_of_the_sesa_data_set():
    assert [(str(label), label.class_id) for label in Label] == [
        ("casual", 0), ("gunshot", 1), ("explosion", 2), ("siren", 3),
    ]  # fmt: skip


def test_the_same_object_version_has_the_same_id_and_any_other_another():
    one = object_clip_id("b", "incoming/a.wav", "v1")
    assert one == object_clip_id("b", "incoming/a.wav", "v1")
    others = {
        object_clip_id("b", "incoming/a.wav", "v2"),
        object_clip_id("b", "incoming/b.wav", "v1"),
        object_clip_id("c", "incoming/a.wav", "v1"),
    }
    assert len(others | {one}) == 4


def test_an_issued_key_is_one_clip_whose_id_is_known_before_its_version():
    key = issue_key("north gate")
    assert key.startswith("incoming/north gate/")
    known = object_clip_id("b", key)
    assert object_clip_id("b", key, "v1") == object_clip_id("b", key, "v2") == known
    # The same upload id under another name is another clip, so nobody takes another's row.
    elsewhere = key.replace("north gate", "south gate")
    assert object_clip_id("b", elsewhere, "v1") != known
    assert object_clip_id("c", key, "v1") != known


def test_a_key_that_only_resembles_an_issued_one_is_a_clip_for_each_version():
    for key in ("incoming/upload-1.wav", "incoming/a/b/upload-" + "0" * 32 + ".wav"):
        assert object_clip_id("b", key, "v1") != object_clip_id("b", key, "v2")


def test_a_posted_clip_is_known_by_its_request_and_its_content():
    one = posted_clip_id("retry-1", b"RIFF")
    assert one == posted_clip_id("retry-1", b"RIFF")
    assert one != posted_clip_id("retry-2", b"RIFF")
    assert one != posted_clip_id("retry-1", b"RIFX")


def test_a_rejection_has_its_reason_and_no_label():
    error = RejectedClipError("empty", "It is empty.")
    document = to_json(rejected(ORIGIN, error, NOON_IN_BERLIN))
    assert document == {
        "clip_id": "c1",
        "source": "gate",
        "bucket": "b",
        "key": "incoming/gate/a.wav",
        "timestamp": "2026-01-31T11:00:00.000Z",
        "status": "rejected",
        "reason": {"code": "empty", "detail": "It is empty."},
    }
    assert to_json(from_json(document)) == document


def test_a_classification_keeps_every_field_that_clients_rely_on():
    classification = Classification(
        label=Label.SIREN,
        probabilities=dict(zip(Label, (0.05, 0.02, 0.01765433, 0.91234567), strict=True)),
        uncertain=False,
        events=(Event(Label.SIREN, 0.48, 1.92, 0.95123),),
        audioset_top5=(AudioSetClass("Siren", 0.99),),
        duration_s=1.23456,
        model_version="v3",
        model_sha256="ab" * 32,
        warnings=("the header is damaged",),
    )
    origin = replace(ORIGIN, recorded_at=NOON_IN_BERLIN, warnings=("recorded-at is odd",))
    document = to_json(classified(origin, classification, NOON_IN_BERLIN))
    assert document == {
        "clip_id": "c1",
        "source": "gate",
        "recorded_at": "2026-01-31T11:00:00.000Z",
        "bucket": "b",
        "key": "incoming/gate/a.wav",
        "timestamp": "2026-01-31T11:00:00.000Z",
        "status": "classified",
        "class_id": 3,
        "label": "siren",
        "confidence": 0.9512,
        "probabilities": {"casual": 0.05, "gunshot": 0.02, "explosion": 0.0177, "siren": 0.9123},
        "uncertain": False,
        "events": [{"label": "siren", "start_s": 0.48, "end_s": 1.92, "confidence": 0.9512}],
        "heard": [{"name": "Siren", "score": 0.99}],
        "duration_s": 1.2346,
        "warnings": ["recorded-at is odd", "the header is damaged"],
        "model_version": "v3",
        "model_sha256": "ab" * 32,
    }
    assert type(document["label"]) is str
    assert json.loads(json.dumps(document)) == document


def test_a_clip_of_a_few_samples_is_short_and_not_empty():
    few = sample_results.classification(duration_s=16 / 384_000, events=())
    assert to_json(classified(ORIGIN, few, NOON_IN_BERLIN))["duration_s"] == 0.0001


def test_a_result_is_the_same_after_json_whatever_has_become_of_it():
    result = sample_results.classified(
        recorded_at=sample_results.NOON,
        verified_label=Label.CASUAL,
        feedback=(
            Feedback(Label.SIREN, True, "", "ann", sample_results.NOON),
            Feedback(Label.CASUAL, False, "a kettle", "bob", sample_results.NOON),
        ),
        alerted_at=sample_results.NOON,
        clip_url="https://clips.example/a",
    )
    document = json.loads(json.dumps(to_json(result)))
    assert from_json(document) == result
    assert [one["verdict"] for one in document["feedback"]] == ["confirmed", "corrected"]


def test_fields_of_newer_software_are_ignored():
    document = sample_results.classified_json()
    event = {**document["events"][0], "loudness": -20.5}
    newer = {**document, "loudness": -20.5, "events": [event]}
    assert from_json(newer) == from_json(document)


def test_confidence_is_that_of_the_labels_best_event_and_no_other_threat_lowers_it():
    both = sample_results.classification(
        probabilities={Label.SIREN: 0.55, Label.GUNSHOT: 0.44, Label.CASUAL: 0.01},
        events=(
            Event(Label.SIREN, 0.0, 2.0, 0.91),
            Event(Label.GUNSHOT, 1.0, 2.0, 0.98),
            Event(Label.SIREN, 3.0, 5.0, 0.97),
        ),
    )
    assert both.confidence == 0.97
    assert replace(both, events=()).confidence == 0.55
