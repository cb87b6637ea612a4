"""Results: ids that tell clips apart, and the fields that clients rely on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

from earshot.errors import RejectedClipError
from earshot.labels import Label
from earshot.model.events import Event
from earshot.results import result
from earshot.uploads.objects import issue_key, object_clip_id, posted_clip_id

ORIGIN = result.Origin("c1", "gate", {"bucket": "b", "key": "incoming/gate/a.wav"})
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
    told = object_clip_id("b", key)
    assert object_clip_id("b", key, "v1") == object_clip_id("b", key, "v2") == told
    # The same upload id under another name is another clip, so nobody takes another's row.
    elsewhere = key.replace("north gate", "south gate")
    assert object_clip_id("b", elsewhere, "v1") != told
    assert object_clip_id("c", key, "v1") != told


def test_a_key_that_only_resembles_an_issued_one_is_a_clip_for_each_version():
    for key in ("incoming/upload-1.wav", "incoming/a/b/upload-" + "0" * 32 + ".wav"):
        assert object_clip_id("b", key, "v1") != object_clip_id("b", key, "v2")


def test_a_posted_clip_is_known_by_its_request_and_its_content():
    one = posted_clip_id("retry-1", b"RIFF")
    assert one == posted_clip_id("retry-1", b"RIFF")
    assert one != posted_clip_id("retry-2", b"RIFF")
    assert one != posted_clip_id("retry-1", b"RIFX")


def test_a_rejection_says_why_and_when_and_claims_no_label():
    rejected = result.rejected(ORIGIN, RejectedClipError("empty", "It is empty."), NOON_IN_BERLIN)
    assert rejected == {
        "clip_id": "c1",
        "source": "gate",
        "bucket": "b",
        "key": "incoming/gate/a.wav",
        "timestamp": "2026-01-31T11:00:00.000Z",
        "status": "rejected",
        "reason": {"code": "empty", "detail": "It is empty."},
    }


def test_a_classification_keeps_every_field_that_clients_rely_on():
    classification = SimpleNamespace(
        label=Label.SIREN,
        confidence=0.91234567,
        probabilities=dict(zip(Label, (0.05, 0.02, 0.01, 0.92), strict=True)),
        uncertain=False,
        events=(Event(Label.SIREN, 0.48, 1.92, 0.95123),),
        heard=(SimpleNamespace(name="Siren", score=0.99),),
        duration_s=1.23456,
        warnings=(),
    )
    model = SimpleNamespace(version="v3", sha256="ab" * 32)
    stored = result.classified(ORIGIN, classification, model, NOON_IN_BERLIN)
    assert {
        "class_id": 3,
        "label": "siren",
        "confidence": 0.9123,
        "model_version": "v3",
    }.items() <= (stored.items())
    assert stored["timestamp"] == "2026-01-31T11:00:00.000Z"
    assert stored["probabilities"] == {
        "casual": 0.05, "gunshot": 0.02, "explosion": 0.01, "siren": 0.92,
    }  # fmt: skip
    assert stored["events"] == [
        {"label": "siren", "start_s": 0.48, "end_s": 1.92, "confidence": 0.9512}
    ]
    assert stored["uncertain"] is False
    assert type(stored["label"]) is str
