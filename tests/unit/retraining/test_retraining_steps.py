"""Plan, gate, promote, reject and record, against moto's S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earshot.errors import (
    BadRequestError,
    NotFoundError,
    RetrainingRefusedError,
    RetrainingRunningError,
)
from earshot.model.versions import sha256_hex
from earshot.retraining.plan import Request
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import Execution
from tests.unit.retraining.stage import NOW, Stage


def test_a_plan_names_the_current_version_of_each_clip(stage):
    stage.upload("training/siren/a.wav", "training/siren/a.wav", "training/casual/b.wav")
    stage.upload("heldout/siren/c.wav", "incoming/siren/d.wav", "training/siren/gone.wav")
    stage.s3.delete_object(Bucket="clips", Key="training/siren/gone.wav")
    answer = stage.steps.plan("r1", {"seed": 7})
    assert answer == {
        "run": "r1", "bucket": "models", "batches_key": "retraining/r1/batches.json",
        "n_batches": 1, "n_clips": 3,
    }  # fmt: skip
    (batch,) = json.load(
        stage.s3.get_object(Bucket="models", Key="retraining/r1/batches.json")["Body"]
    )
    assert (batch["seed"], batch["augmentations"]) == (7, ["noise", "background"])
    current = stage.s3.head_object(Bucket="clips", Key="training/siren/a.wav")["VersionId"]
    versions = {clip["key"]: clip["version_id"] for clip in batch["clips"]}
    assert versions["training/siren/a.wav"] == current


def test_a_plan_names_the_yamnet_of_the_champion_for_each_batch(stage):
    stage.upload("training/siren/a.wav")

    def planned() -> Any:
        stage.steps.plan("r1", {})
        return stage.files.read_json("r1", "batches.json")[0]["yamnet"]

    assert planned() == {"yamnet_sha256": None, "yamnet_weights_sha256": None}
    names = {"yamnet_sha256": "f", "yamnet_weights_sha256": "w"}
    manifest = {"version": "v2", "files": {}, **names}
    stage.registry.publish("v2", {"manifest.json": json.dumps(manifest).encode()})
    stage.registry.promote("v2", by="tester", reason="a test", force=True)
    assert planned() == names


def test_a_plan_keeps_to_its_prefix(stage):
    stage.upload("training/siren/a.wav", "training/may/siren/b.wav")
    assert stage.steps.plan("r1", {"prefix": "training/may/"})["n_clips"] == 1


def test_an_empty_bucket_is_refused(stage):
    with pytest.raises(RetrainingRefusedError):
        stage.steps.plan("r1", {})
    with pytest.raises(BadRequestError):
        stage.steps.plan("r1", {"color": "red"})


def test_a_better_candidate_is_published_promoted_and_recorded(stage):
    stage.candidate("r1", 0.95)
    assert stage.steps.apply_gate("r1") == {"version": "v2", "promote": True}
    version = stage.registry.describe("v2")
    assert version.manifest["files"]["head.npz"] == sha256_hex(b"arrays of r1")
    assert "decision.json" in version.manifest["files"]
    assert (version.manifest["version"], version.manifest["run"]) == ("v2", "r1")
    outcome = stage.steps.promote("r1", "v2")
    assert (outcome["status"], outcome["champion"], outcome["reasons"]) == ("promoted", "v2", [])
    (newest, _) = stage.registry.pointer().history
    assert (newest.version, newest.promoted_by, newest.forced) == ("v2", "retraining r1", False)
    assert stage.registry.describe("v2").outcome["status"] == "promoted"


def test_a_worse_candidate_is_published_and_rejected_with_its_numbers(stage):
    stage.candidate("r1", 0.5)
    assert stage.steps.apply_gate("r1") == {"version": "v2", "promote": False}
    outcome = stage.steps.reject("r1", "v2")
    assert (outcome["status"], outcome["champion"]) == ("rejected", "v1")
    assert "macro F1 0.500 falls below 0.890" in outcome["reasons"][0]
    assert stage.registry.champion().version == "v1"
    checks = stage.registry.describe("v2").decision["checks"]
    assert [check["candidate"] for check in checks if not check["passed"]] == [0.5]


def test_force_promotes_the_worse_one_and_is_recorded(stage):
    stage.candidate("r1", 0.5, force=True, requested_by="operator", reason="new microphones")
    assert stage.steps.apply_gate("r1") == {"version": "v2", "promote": True}
    assert stage.steps.promote("r1", "v2")["status"] == "promoted"
    newest = stage.registry.pointer().history[0]
    assert (newest.promoted_by, newest.reason, newest.forced) == (
        "operator", "new microphones", True,
    )  # fmt: skip
    assert stage.registry.describe("v2").decision["promote"] is False


def test_of_two_retrainings_that_end_together_one_wins_and_the_other_says_why_not(stage):
    stage.candidate("r1", 0.95)
    stage.candidate("r2", 0.96)
    first, second = stage.steps.apply_gate("r1"), stage.steps.apply_gate("r2")
    assert (first["version"], second["version"]) == ("v2", "v3")
    assert stage.steps.promote("r2", "v3")["status"] == "promoted"
    late = stage.steps.promote("r1", "v2")
    assert (late["status"], late["champion"]) == ("rejected", "v3")
    assert "compared with v1, but by now v3 is the champion" in late["reasons"][0]


def test_every_step_can_be_tried_again_after_its_answer_was_lost(stage):
    stage.candidate("r1", 0.95)
    assert stage.steps.apply_gate("r1") == stage.steps.apply_gate("r1")
    assert stage.steps.promote("r1", "v2") == stage.steps.promote("r1", "v2")
    assert len(stage.registry.pointer().history) == 2


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (
            {"Error": "RetrainingRefusedError", "Cause": '{"errorMessage": "Too few clips."}'},
            "refused",
            "Too few clips.",
        ),
        ({"Error": "MemoryError", "Cause": '{"errorMessage": "no room"}'}, "failed", "no room"),
        ({"Error": "States.Timeout", "Cause": "took too long"}, "failed", "took too long"),
        ({"Error": "States.Timeout"}, "failed", "States.Timeout"),
        ({"Error": "X", "Cause": "[1]"}, "failed", "[1]"),
    ],
)
def test_a_failure_is_recorded_with_its_reason(stage, error, status, reason):
    outcome = stage.steps.record_failure("r1", error)
    assert (outcome["status"], outcome["reasons"]) == (status, [reason])
    assert stage.files.read_json("r1", "outcome.json") == outcome


class Machine:
    """Remembers what was started; stands where a test puts it."""

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}
        self.under_way: str | None = None
        self.execution_ = Execution("RUNNING", "EmbedBatches", NOW, None, None)

    def start(self, name: str, document: dict[str, Any]) -> None:
        self.started[name] = document

    def exists(self, name: str) -> bool:
        return name in self.started

    def running(self) -> str | None:
        return self.under_way

    def execution(self, name: str) -> Execution:
        if name not in self.started:
            raise NotFoundError(name)
        return self.execution_


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def service(stage: Stage, machine: Any) -> RetrainingService:
    return RetrainingService(machine, stage.files, stage.registry, lambda: NOW)


def test_a_retraining_is_started_with_what_the_plan_step_accepts(service, machine):
    run = service.start(Request(requested_by="me", augmentations=("pitch",)))
    assert run.startswith("20260131T110000-")
    document = json.loads(json.dumps(machine.started[run]))
    assert Request.from_input(document) == Request(requested_by="me", augmentations=("pitch",))


def test_while_a_retraining_is_under_way_no_other_starts_and_the_refusal_names_it(service, machine):
    first = service.start(Request(requested_by="me"), key="1")
    machine.under_way = first
    with pytest.raises(RetrainingRunningError, match=first) as refused:
        service.start(Request(requested_by="me"))
    assert refused.value.run == first
    assert service.start(Request(requested_by="me"), key="1") == first, "it was sent again"
    assert list(machine.started) == [first]


def test_progress_is_shown_while_it_runs(service, stage):
    run = service.start(Request())
    assert service.status(run)["embedded"] == 0.0
    stage.files.write_json(run, "plan.json", {"n_batches": 4, "n_clips": 50})
    stage.files.write(run, "features/000000.npz", b"")
    status = service.status(run)
    assert (status["state"], status["step"]) == ("running", "EmbedBatches")
    assert (status["clips"], status["embedded"], status["metrics"]) == (50, 0.25, None)


def test_the_end_is_shown_with_metrics_and_decision(service, stage, machine):
    run = service.start(Request())
    stage.candidate(run, 0.5)
    stage.steps.apply_gate(run)
    stage.steps.reject(run, "v2")
    machine.execution_ = Execution("SUCCEEDED", "Done", NOW, NOW, None)
    status = service.status(run)
    assert (status["state"], status["version"], status["champion"]) == ("rejected", "v2", "v1")
    assert status["metrics"]["macro_f1"] == 0.5
    assert status["decision"]["promote"] is False


def test_a_comparison_and_a_decision_of_0_1_0_have_todays_names(service, stage):
    run = service.start(Request())
    stage.candidate(run, 0.95)
    today = stage.files.read_json(run, "comparison.json")
    del today["corrections"], today["unchanged"]
    earlier = {name: today[name] for name in ("candidate", "champion", "differences")} | {
        "judged_against": today["compared_with"],
        "judged_on": {"clips": 80, "vouched_for": True, "new_clips": 0},
    }
    stage.files.write_json(run, "comparison.json", earlier)
    assert service.status(run)["comparison"] == today
    decision = {
        "promote": True,
        "judged_against": {"version": "v1"},
        "judged_on": earlier["judged_on"],
    }
    manifest = json.dumps({"version": "v2", "files": {}}).encode()
    stage.registry.publish(
        "v2", {"decision.json": json.dumps(decision).encode(), "manifest.json": manifest}
    )
    assert service.model("v2")["decision"] == {
        "promote": True,
        "compared_with": {"version": "v1"},
        "evaluated_on": today["evaluated_on"],
    }


@pytest.mark.parametrize(
    ("status", "state"), [("ABORTED", "aborted"), ("TIMED_OUT", "failed"), ("FAILED", "failed")]
)
def test_an_execution_that_ended_without_an_outcome_is_not_taken_for_running(
    service, machine, status, state
):
    run = service.start(Request())
    machine.execution_ = Execution(status, "Train", NOW, NOW, "stopped by hand")
    found = service.status(run)
    assert (found["state"], found["reasons"]) == (state, ["stopped by hand"])
    assert found["started"] == found["stopped"] == "2026-01-31T11:00:00.000Z"


def test_an_unknown_retraining_is_not_found(service):
    with pytest.raises(NotFoundError):
        service.status("never")


def test_models_are_listed_newest_first_and_described(service, stage):
    stage.candidate("r1", 0.95)
    stage.steps.apply_gate("r1")
    stage.steps.promote("r1", "v2")
    assert [(m["version"], m["champion"], m["status"]) for m in service.models()] == [
        ("v2", True, "promoted"),
        ("v1", False, None),
    ]
    model = service.model("v2")
    assert model["metrics"]["macro_f1"] == 0.95
    assert [entry["promoted_by"] for entry in model["promotions"]] == ["retraining r1"]
    service.rollback(by="operator", reason="false alarms")
    assert service.model("v1")["champion"]
    service.promote("v2", by="operator", reason="it was not the model")
    assert service.model("v2")["champion"]


def test_a_candidate_that_changes_nothing_is_not_promoted(stage):
    stage.candidate("r1", 0.9, unchanged=True)
    gate = stage.steps.apply_gate("r1")
    assert gate == {"version": "v2", "promote": False}
    outcome = stage.steps.reject("r1", "v2")
    assert outcome["status"] == "unchanged"
    assert outcome["champion"] == "v1"
    assert "nothing new to learn" in outcome["reasons"][0]


def test_the_outcome_counts_corrections_and_names_what_was_left_out(stage):
    stage.candidate("r1", 0.95)
    outcome = stage.steps.promote("r1", stage.steps.apply_gate("r1")["version"])
    assert outcome["corrections"] == {
        "count": 5, "correct_before": 0, "correct": 4, "not_used": 1,
    }  # fmt: skip
    assert outcome["left_out"] == {
        "count": 2,
        "clips": [
            {"key": "training/siren/a.wav", "reason": "The file is empty."},
            {"key": "training/notes.txt", "reason": "its key states no label"},
        ],
    }
