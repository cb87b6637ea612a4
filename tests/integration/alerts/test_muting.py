"""A false alarm is corrected and muted; what sounds like it raises no alert, all else does."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from earshot.events import EMBEDDING_BYTES
from earshot.labels import Label
from earshot.results.result import Result
from earshot.results.table import ResultsTable
from tests.clips import wav
from tests.integration.alerts.test_alerting import Listener
from tests.integration.alerts.test_alerting import listener as listener  # noqa: PLC0414
from tests.integration.uploads.test_main_job import result, upload
from tests.stack import LocalStack
from training.data.demo_sounds import gunshots


@pytest.fixture
def table(local_stack: LocalStack) -> ResultsTable:
    return ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])


@pytest.fixture
def gate() -> str:
    """A source of its own, so that no cooldown runs."""
    return f"gate {uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def detection(local_stack: LocalStack, siren_wav: bytes) -> Result:
    """A siren as classify found it."""
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    clip_id = upload(local_stack, "incoming/first of all/a.wav", siren_wav)
    result(local_stack, clip_id)
    found = table.get(clip_id)
    assert found
    return found


class Gate:
    """A source at which the same sound comes again and again."""

    def __init__(self, stack: LocalStack, table: ResultsTable, source: str, sound: Result) -> None:
        self.stack = stack
        self.table = table
        self.source = source
        self.sound = sound

    def repeat(self, source: str | None = None, **changes: Any) -> str:
        """Write its result once more, as classify does."""
        clip_id = uuid.uuid4().hex
        classification = self.sound.classification
        assert classification
        self.table.save(
            replace(
                self.sound,
                clip_id=clip_id,
                source=source or self.source,
                timestamp=datetime.now(UTC),
                outcome=replace(classification, **changes),
                alerted_at=None,
                feedback=(),
                verified_label=None,
            )
        )
        return clip_id

    def muted_by(self, clip_id: str) -> dict[str, str] | None:
        return self.stack.call("GET", f"/results/{clip_id}")[1].get("muted_by")

    def correct(self, clip_id: str, label: str = "casual", **more: Any) -> dict[str, Any]:
        route = f"/results/{clip_id}/feedback"
        status, answer = self.stack.call("POST", route, {"label": label, **more})
        assert status == 200, answer
        return dict(answer)


@pytest.fixture
def at_gate(local_stack: LocalStack, table: ResultsTable, gate: str, detection: Result) -> Gate:
    return Gate(local_stack, table, gate, detection)


def test_a_result_that_alerts_keeps_the_embedding_of_its_event_and_shows_it_to_nobody(
    local_stack: LocalStack, detection: Result
) -> None:
    classification = detection.classification
    assert classification
    (embedding,) = classification.embeddings
    assert {len(patch) for patch in embedding.patches} == {EMBEDDING_BYTES}
    assert 1 <= len(embedding.patches) <= 3
    assert classification.embeddings[0].label is Label.SIREN
    answer = local_stack.request("GET", f"/results/{detection.clip_id}")
    listed = local_stack.request("GET", "/results?limit=5")
    assert b"embedd" not in answer.data + listed.data


def test_what_sounds_like_a_corrected_false_alarm_is_muted_until_that_is_undone(
    local_stack: LocalStack, table: ResultsTable, at_gate: Gate, listener: Listener
) -> None:
    wrong = at_gate.repeat(uncertain=True)  # it raises no alert, and begins no cooldown
    mute = at_gate.correct(wrong, mute_alike=True)["mute"]
    assert (mute["source"], mute["labels"]) == (at_gate.source, ["siren"])

    again = at_gate.repeat()
    elsewhere = at_gate.repeat(source=f"{at_gate.source} 2")
    assert [one["clip_id"] for one in listener.alerts_so_far(table)] == [elsewhere]
    assert at_gate.muted_by(again) == {"siren": wrong}
    assert at_gate.muted_by(elsewhere) is None

    page = local_stack.call("GET", f"/mutes?source={at_gate.source.replace(' ', '%20')}")[1]
    assert page["mutes"] == [mute]
    assert local_stack.call("DELETE", f"/mutes/{wrong}") == (200, mute)
    assert local_stack.call("DELETE", f"/mutes/{wrong}")[0] == 404
    later = at_gate.repeat()
    assert [one["clip_id"] for one in listener.alerts_so_far(table)] == [later]
    assert at_gate.muted_by(later) is None


def test_a_real_gunshot_at_a_muted_source_raises_its_alert(
    local_stack: LocalStack, table: ResultsTable, at_gate: Gate, listener: Listener
) -> None:
    at_gate.correct(at_gate.repeat(uncertain=True), mute_alike=True)
    shots = upload(local_stack, f"incoming/{at_gate.source}/shots.wav", wav(gunshots(3.0)))
    assert result(local_stack, shots)["label"] == "gunshot"
    assert [one["clip_id"] for one in listener.alerts_so_far(table)] == [shots]


def test_a_correction_back_to_the_threat_and_erasure_end_a_mute(
    local_stack: LocalStack, at_gate: Gate
) -> None:
    first, second, third = (at_gate.repeat(uncertain=True) for _ in range(3))
    for clip_id in (first, second, third):
        at_gate.correct(clip_id, mute_alike=True)
    at_gate.correct(first, "siren")
    assert local_stack.call("DELETE", f"/results/{second}")[0] == 200
    route = f"/mutes?source={at_gate.source.replace(' ', '%20')}"
    assert [one["clip_id"] for one in local_stack.call("GET", route)[1]["mutes"]] == [third]
    erased = local_stack.call("DELETE", f"/results?source={at_gate.source.replace(' ', '%20')}")
    assert erased[0] == 200
    assert local_stack.call("GET", route)[1]["mutes"] == []


def test_a_casual_clip_has_nothing_to_mute(local_stack: LocalStack) -> None:
    quiet = wav(np.zeros(16_000, np.float32))
    clip_id = upload(local_stack, "incoming/quiet gate/a.wav", quiet)
    result(local_stack, clip_id)
    body = {"label": "casual", "mute_alike": True}
    status, answer = local_stack.call("POST", f"/results/{clip_id}/feedback", body)
    assert (status, "no embedding" in answer["detail"].lower()) == (409, True)
    assert "verified_label" not in local_stack.call("GET", f"/results/{clip_id}")[1]
