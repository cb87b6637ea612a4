"""Retraining on the local stack, from labeled clips to the next result and back."""

from __future__ import annotations

import json

import pytest

from earshot.errors import ModelError
from earshot.model.registry import ModelRegistry
from earshot.retraining.plan import Request
from local.demos.retrain import wrong
from tests.integration.retraining.retraining_stack import (
    Retraining,
    altered,
    embedding_processes,
    failed_attempts,
    serves,
    soon,
)
from training.data.labeled_clips import labeled_clips


def beside_the_first(retraining: Retraining, run: str) -> None:
    """Another retraining, asked of the API and of Step Functions, while one is under way."""
    status, refusal = retraining.stack.call("POST", "/retrain", {"prefix": "training/good/"})
    assert (status, refusal["retraining"]) == (409, run)
    machine = retraining.stack.client("stepfunctions")
    machine.start_execution(
        stateMachineArn=retraining.stack.outputs["StateMachineArn"], name="beside", input="{}"
    )
    second = retraining.end_of("beside")
    assert second["state"] == "refused"
    assert f"The retraining {run} is under way" in second["reasons"][0]


@pytest.mark.long
class TestRetraining:
    """In this order, as an operator would live through it."""

    def test_without_held_out_clips_it_is_refused_with_what_is_missing(self, retraining, clips):
        retraining.upload(labeled_clips(clips / "other")[:2], "training/few/")
        status = retraining.retrain(prefix="training/few/")
        assert (status["state"], status["version"]) == ("refused", None)
        assert "held-out clips; at least 20" in status["reasons"][0]
        assert "heldout/<label>/" in status["reasons"][0]

    def test_the_api_refuses_it_at_once_and_says_so_before(self, retraining):
        where = "/retrain?prefix=training/few/"
        status, outlook = retraining.stack.call("GET", where)
        assert (status, outlook["ready"], outlook["champion"]) == (200, False, "v1")
        assert (sum(outlook["clips"].values()), outlook["new_clips"]) == (2, 2)
        assert sum(outlook["held_out"].values()) == 0
        status, refusal = retraining.stack.call("POST", "/retrain", {"prefix": "training/few/"})
        assert (status, refusal["detail"]) == (409, outlook["reasons"][0])
        assert "only 0 held-out clips" in refusal["detail"]
        assert [run["state"] for run in outlook["earlier"]] == ["refused"]

    def test_an_empty_prefix_is_refused(self, retraining):
        status = retraining.retrain(prefix="training/nothing/")
        assert status["state"] == "refused"
        assert "no labeled WAV under training/nothing/" in status["reasons"][0]

    def test_a_better_model_is_promoted_and_the_next_results_name_it(self, retraining, clips):
        assert serves(retraining, "v1")
        retraining.upload(labeled_clips(clips / "training"), "training/good/")
        retraining.upload(labeled_clips(clips / "held-out"), "heldout/")
        status = retraining.retrain(prefix="training/good/", requested_by="tester")
        found = status["state"], status["version"], status["champion"]
        assert found == ("promoted", "v2", "v2"), status["reasons"]
        assert status["embedded"] == 1.0
        assert status["decision"]["promote"]
        assert status["metrics"]["macro_f1"] > 0.8
        soon(lambda: serves(retraining, "v2"), 60)
        model = retraining.service.model("v2")
        assert retraining.classify().model_sha256 == model["manifest_sha256"]

    def test_a_version_holds_all_that_evaluation_and_the_next_retraining_need(self, retraining):
        manifest = retraining.service.model("v2")["manifest"]
        assert manifest["files"].keys() >= {
            "head.npz", "head.keras", "replay.npz", "heldout.npz", "dataset.json", "metrics.json",
            "decision.json", "training.json", "report.html", "confusion_matrix.png",
        }  # fmt: skip
        assert manifest["parent"] == "v1"
        read = ModelRegistry(retraining.stack.client("s3"), retraining.bucket).reader("v2")
        dataset = json.loads(read("dataset.json"))
        entry = dataset["learnt_from"][0]
        assert entry["key"].startswith("training/good/")
        found = retraining.stack.client("s3").get_object(
            Bucket=retraining.stack.outputs["UploadsBucketName"],
            Key=entry["key"],
            VersionId=entry["version_id"],
        )
        assert found["ContentLength"] > 0
        assert read("confusion_matrix.png")[1:4] == b"PNG"

    def test_what_was_learned_is_not_new_and_what_is_held_out_is_counted(self, retraining):
        outlook = retraining.stack.call("GET", "/retrain?prefix=training/good/")[1]
        manifest = retraining.service.model("v2")["manifest"]
        assert (outlook["champion"], outlook["released_held_out"]) == ("v2", 0)
        held_out = {label: n for label, n in outlook["held_out"].items() if n}
        assert held_out == manifest["held_out"]
        assert sum(outlook["clips"].values()) > 0
        assert outlook["earlier"][0] == {
            "id": manifest["run"], "state": "promoted", "version": "v2",
            "started": retraining.service.status(manifest["run"])["started"],
        }  # fmt: skip
        left_out = retraining.service.status(manifest["run"])["left_out"]["count"]
        assert outlook["new_clips"] == left_out
        assert outlook["ready"] is bool(left_out)

    def test_wrong_labels_are_rejected_and_the_champion_stays(self, retraining, clips):
        for part in ("training", "wrong"):
            retraining.upload(wrong(labeled_clips(clips / part)), "training/bad/")
        status = retraining.retrain(prefix="training/bad/", augmentations=())
        assert (status["state"], status["version"], status["champion"]) == ("rejected", "v3", "v2")
        worse = ("macro F1", "recall", "log loss", "the lower end 0.", "false alarms")
        assert status["reasons"], "it says nothing of why"
        assert all(reason.startswith(worse) for reason in status["reasons"]), status["reasons"]
        assert serves(retraining, "v2")
        assert retraining.service.model("v3")["decision"]["promote"] is False

    def test_a_rollback_is_one_call_and_shows_in_the_next_result(self, retraining):
        assert retraining.service.rollback(by="tester", reason="a test").version == "v1"
        soon(lambda: serves(retraining, "v1"), 60)
        retraining.service.promote("v2", by="tester", reason="back again")
        soon(lambda: serves(retraining, "v2"), 60)

    def test_an_altered_version_cannot_be_promoted(self, retraining):
        with (
            altered(retraining, "models/v1/head.npz"),
            pytest.raises(ModelError, match=r"head\.npz"),
        ):
            retraining.service.promote("v1", by="tester", reason="a test")

    def test_a_champion_that_is_altered_is_refused_and_the_one_before_serves_on(self, retraining):
        assert serves(retraining, "v2")
        retraining.service.promote("v1", by="tester", reason="a test")
        with altered(retraining, "models/v1/head.npz"):

            def refusal() -> str:
                assert serves(retraining, "v2")
                shown = retraining.stack.run("logs").stdout
                return shown if "the champion could not be loaded" in shown else ""

            assert "head.npz of v1 is not the one" in soon(refusal, 60)
            assert serves(retraining, "v2")
        soon(lambda: serves(retraining, "v1"), 60)
        retraining.service.promote("v2", by="tester", reason="a test")

    def test_a_function_that_is_killed_in_mid_map_is_tried_again(self, retraining):
        run = retraining.service.start(Request(prefix="training/good/"))
        soon(lambda: retraining.service.status(run)["step"] == "EmbedBatches")
        soon(lambda: embedding_processes(retraining.stack), 30)[0].kill()
        beside_the_first(retraining, run)
        status = retraining.end_of(run)
        assert status["state"] in {"promoted", "rejected", "unchanged"}, status["reasons"]
        assert status["embedded"] == 1.0
        tried = failed_attempts(retraining.stack, run)
        assert "Runtime.ExitError" in tried, "the killed function was not at work"

    def test_a_run_that_was_stopped_by_hand_holds_up_no_other(self, retraining):
        machine = retraining.stack.client("stepfunctions")
        run = retraining.service.start(Request(prefix="training/good/"))
        soon(lambda: retraining.service.status(run)["step"] == "EmbedBatches")
        arn = retraining.stack.outputs["StateMachineArn"]
        arn = arn.replace(":stateMachine:", ":execution:") + f":{run}"
        machine.stop_execution(executionArn=arn, cause="by hand")
        assert retraining.end_of(run)["state"] == "aborted"
        after = retraining.retrain(prefix="training/nothing/")
        assert "no labeled WAV under training/nothing/" in after["reasons"][0]

    def test_an_outcome_is_published_to_the_topic(self, retraining):
        arn = retraining.stack.outputs["RetrainingTopicArn"]
        sqs, sns = retraining.stack.client("sqs"), retraining.stack.client("sns")
        admit = {
            "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": "*",
        }  # fmt: skip
        policy = json.dumps({"Version": "2012-10-17", "Statement": [admit]})
        url = sqs.create_queue(QueueName="listener", Attributes={"Policy": policy})["QueueUrl"]
        queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue["Attributes"]["QueueArn"])
        retraining.retrain(prefix="training/nothing/")
        (message,) = soon(
            lambda: sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"), 30
        )
        notification = json.loads(message["Body"])
        assert notification["Subject"] == "Earshot retraining refused"
        assert json.loads(notification["Message"])["status"] == "refused"
