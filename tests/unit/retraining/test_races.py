"""Retrainings that meet each other, an operator, or an attempt of their own."""

from __future__ import annotations

from typing import Any

import pytest

from earshot.errors import ConflictError, RetrainingRefusedError
from earshot.retraining.turn import Turn


def test_a_run_whose_answer_was_lost_keeps_its_version_though_another_claimed_one_since(stage):
    stage.candidate("r1", 0.95)
    stage.candidate("r2", 0.96)
    first, second = stage.steps.apply_gate("r1"), stage.steps.apply_gate("r2")
    assert stage.steps.apply_gate("r1") == first == {"version": "v2", "promote": True}
    assert second["version"] == "v3"
    assert stage.registry.versions() == ["v3", "v2", "v1"]


def test_a_promotion_that_is_tried_again_does_not_undo_a_rollback(stage):
    stage.candidate("r1", 0.95)
    stage.steps.apply_gate("r1")
    stage.registry.record_outcome = lambda *_: pytest.fail("the function was killed")
    with pytest.raises(pytest.fail.Exception):
        stage.steps.promote("r1", "v2")
    del stage.registry.record_outcome
    stage.registry.rollback(by="operator", reason="false alarms")
    outcome = stage.steps.promote("r1", "v2")
    assert (outcome["status"], outcome["champion"]) == ("promoted", "v1")
    assert [entry.version for entry in stage.registry.pointer().history] == ["v1", "v2", "v1"]


def test_a_promotion_that_was_written_and_answered_with_a_conflict_is_a_promotion(
    stage, monkeypatch
):
    stage.candidate("r1", 0.95)
    stage.steps.apply_gate("r1")
    promote = stage.registry.promote

    def answer_lost(*arguments: Any, **how: Any) -> None:
        """As botocore repeats a write: the second finds that the pointer has changed."""
        promote(*arguments, **how)
        raise ConflictError("Another version was promoted at the same moment.")

    monkeypatch.setattr(stage.registry, "promote", answer_lost)
    assert stage.steps.promote("r1", "v2")["status"] == "promoted"


def test_a_rejected_promotion_stays_rejected_when_it_is_tried_again(stage):
    stage.candidate("r1", 0.95)
    stage.candidate("r2", 0.96)
    stage.steps.apply_gate("r1")
    stage.steps.apply_gate("r2")
    stage.steps.promote("r2", "v3")
    assert stage.steps.promote("r1", "v2")["status"] == "rejected"
    stage.registry.rollback(by="operator", reason="back to v1")
    assert stage.steps.promote("r1", "v2")["status"] == "rejected"
    assert stage.registry.champion().version == "v1"


def test_one_retraining_is_under_way_at_a_time(stage):
    stage.upload("training/siren/a.wav")
    stage.running |= {"r1", "r2"}
    stage.steps.plan("r1", {})
    stage.steps.plan("r1", {})  # tried again
    with pytest.raises(RetrainingRefusedError, match="The retraining r1 is under way"):
        stage.steps.plan("r2", {})
    # The refused one ends, and takes no turn from the other.
    stage.steps.record_failure("r2", {"Error": "RetrainingRefusedError"})
    with pytest.raises(RetrainingRefusedError, match="The retraining r1 is under way"):
        stage.steps.plan("r3", {})
    stage.candidate("r1", 0.5)
    stage.steps.apply_gate("r1")
    stage.steps.reject("r1", "v2")
    assert stage.steps.plan("r3", {})["n_clips"] == 1


def test_a_run_that_ended_without_a_word_holds_up_no_other(stage):
    stage.upload("training/siren/a.wav")
    stage.running.add("r1")
    stage.steps.plan("r1", {})
    stage.running.remove("r1")  # stopped by hand, or out of time
    assert stage.steps.plan("r2", {})["n_clips"] == 1
    stage.running.add("r2")
    stage.steps.record_failure("r1", {"Error": "States.Timeout"})
    with pytest.raises(RetrainingRefusedError, match="The retraining r2 is under way"):
        stage.steps.plan("r3", {})


def test_of_two_that_start_at_the_same_moment_one_gets_the_turn(stage, monkeypatch):
    stage.running |= {"r1", "r2"}
    turn = Turn(stage.s3, "models", stage.running.__contains__)
    read = turn._read

    def and_another_takes_it() -> Any:
        found = read()
        monkeypatch.setattr(turn, "_read", read)
        Turn(stage.s3, "models", stage.running.__contains__).take("r2")
        return found

    monkeypatch.setattr(turn, "_read", and_another_takes_it)
    with pytest.raises(RetrainingRefusedError, match="The retraining r2 is under way"):
        turn.take("r1")


@pytest.mark.parametrize("content", [b"not json", b"[]", b"{}", b'{"run": null}'])
def test_what_says_nothing_of_a_run_holds_up_none(stage, content):
    stage.s3.put_object(Bucket="models", Key="retraining/running.json", Body=content)
    Turn(stage.s3, "models", lambda run: True).take("r1")
