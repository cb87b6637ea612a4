"""Plan, gate, promote, reject and record, against moto's S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earshot.errors import BadRequestError, RetrainingRefusedError
from earshot.model.versions import sha256_hex


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
