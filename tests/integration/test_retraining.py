"""Retraining on the local stack, from labelled clips to the next result and back."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import psutil
import pytest
from botocore.exceptions import ClientError
from folder import fit, write

from earshot.errors import ModelError
from earshot.model.registry import ModelRegistry
from earshot.results.table import from_item
from earshot.retraining.plan import Request
from earshot.retraining.run_files import RunFiles
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import StateMachine
from earshot.uploads.objects import object_clip_id
from earshot.yamnet.flatbuffer import Yamnet
from local.retrain_demo import wrong
from stack import LocalStack, free_port
from training.data.demo_sounds import write_recordings
from training.data.labelled_clips import LabelledClip, labelled_clips
from training.steps.embed_folder import embed_folder
from training.yamnet import MODEL_DIR

PATIENCE_S = 240


@dataclasses.dataclass
class Retraining:
    """A stack that retrains.

    Attributes:
        stack: that is up.
        service: on it.
        clip: a recording of a siren.
    """

    stack: LocalStack
    service: RetrainingService
    clip: Path

    @property
    def bucket(self) -> str:
        return str(self.stack.outputs["ModelsBucketName"])

    def upload(self, clips: list[LabelledClip], prefix: str) -> None:
        s3 = self.stack.client("s3")
        for clip in clips:
            s3.put_object(
                Bucket=self.stack.outputs["UploadsBucketName"],
                Key=f"{prefix}{clip.label}/{clip.path.name}",
                Body=clip.path.read_bytes(),
            )

    def hear(self) -> dict[str, Any]:
        """Result of an upload."""
        bucket, key = self.stack.outputs["UploadsBucketName"], "incoming/siren.wav"
        answer = self.stack.client("s3").put_object(
            Bucket=bucket, Key=key, Body=self.clip.read_bytes()
        )
        clip_id = {"S": object_clip_id(bucket, key, answer["VersionId"])}
        table, dynamodb = self.stack.outputs["ResultsTableName"], self.stack.client("dynamodb")

        def item() -> Any:
            return dynamodb.get_item(TableName=table, Key={"clip_id": clip_id}).get("Item")

        return from_item(soon(item))

    def end_of(self, run: str) -> dict[str, Any]:
        return soon(lambda: (s := self.service.status(run))["state"] != "running" and s)

    def retrain(self, **request: Any) -> dict[str, Any]:
        return self.end_of(self.service.start(Request(**request)))


def soon(what: Callable[[], Any], seconds: float = PATIENCE_S) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := what()):
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.3)
    return found


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_recordings(folder / "learn", n_each=14)
    write_recordings(folder / "judge", n_each=7, first_seed=1000)
    write_recordings(folder / "other", n_each=4, first_seed=2000)
    write_recordings(folder / "wrong", n_each=24, first_seed=3000)
    return folder


@pytest.fixture(scope="module")
def poor_model(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first model that has learnt wrong labels, so that it is not hard to be better."""
    folder = tmp_path_factory.mktemp("wrong")
    for clip in wrong(labelled_clips(clips / "other")):
        (folder / f"{clip.label}_{clip.path.name}").write_bytes(clip.path.read_bytes())
    version = tmp_path_factory.mktemp("models") / "v1"
    yamnet = Yamnet(MODEL_DIR, threads=2)
    write(fit(embed_folder(folder, None, yamnet), None), version, yamnet)
    # Without its networks, its successor has nothing wrong to go on from.
    (version / "head.keras").unlink()
    manifest = json.loads((version / "manifest.json").read_text())
    del manifest["files"]["head.keras"]
    (version / "manifest.json").write_text(json.dumps(manifest))
    return version


@pytest.fixture(scope="module")
def retraining(
    clips: Path, poor_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Retraining]:
    stack = LocalStack(tmp_path_factory.mktemp("local"), free_port())
    up = stack.run("up", "--model", str(poor_model))
    try:
        assert up.returncode == 0, up.stderr
        look_often_for_a_new_champion(stack)
        s3, bucket = stack.client("s3"), stack.outputs["ModelsBucketName"]
        machine = StateMachine(stack.client("stepfunctions"), stack.outputs["StateMachineArn"])
        service = RetrainingService(
            machine, RunFiles(s3, bucket), ModelRegistry(s3, bucket), lambda: datetime.now(UTC)
        )
        yield Retraining(stack, service, next((clips / "learn").glob("siren_*.wav")))
    finally:
        stack.run("down")


def look_often_for_a_new_champion(stack: LocalStack) -> None:
    """Every second instead of every 30, so that a test does not wait."""
    client, name = stack.client("lambda"), stack.outputs["ClassifyFunctionName"]
    settings = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**settings, "CHAMPION_RECHECK_S": "1"}}
    )


def serves(retraining: Retraining, version: str) -> bool:
    return bool(retraining.hear()["model_version"] == version)


class TestRetraining:
    """In this order, as an operator would live through it."""

    def test_without_judges_it_is_refused_with_what_is_missing(self, retraining, clips):
        retraining.upload(labelled_clips(clips / "other")[:2], "training/few/")
        status = retraining.retrain(prefix="training/few/")
        assert (status["state"], status["version"]) == ("refused", None)
        assert "held-out clips can judge the new model" in status["reasons"][0]
        assert "heldout/<label>/" in status["reasons"][0]

    def test_an_empty_prefix_is_refused(self, retraining):
        status = retraining.retrain(prefix="training/nothing/")
        assert status["state"] == "refused"
        assert "no labelled WAV under training/nothing/" in status["reasons"][0]

    def test_a_better_model_is_promoted_and_the_next_results_name_it(self, retraining, clips):
        assert serves(retraining, "v1")
        retraining.upload(labelled_clips(clips / "learn"), "training/good/")
        retraining.upload(labelled_clips(clips / "judge"), "heldout/")
        status = retraining.retrain(prefix="training/good/", requested_by="tester")
        found = status["state"], status["version"], status["champion"]
        assert found == ("promoted", "v2", "v2"), status["reasons"]
        assert status["embedded"] == 1.0
        assert status["decision"]["promote"]
        assert status["metrics"]["macro_f1"] > 0.8
        soon(lambda: serves(retraining, "v2"), 60)
        model = retraining.service.model("v2")
        assert retraining.hear()["model_sha256"] == model["manifest_sha256"]

    def test_a_version_holds_all_that_is_needed_to_judge_it_and_to_go_on(self, retraining):
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

    def test_wrong_labels_are_rejected_and_the_champion_stays(self, retraining, clips):
        for part in ("learn", "wrong"):
            retraining.upload(wrong(labelled_clips(clips / part)), "training/bad/")
        status = retraining.retrain(prefix="training/bad/", augmentations=())
        assert (status["state"], status["version"], status["champion"]) == ("rejected", "v3", "v2")
        worse = ("macro F1", "recall", "calibration")
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
            time.sleep(2)  # classify has looked by now
            assert serves(retraining, "v2")
            shown = retraining.stack.run("logs").stdout
            assert "the champion was not loaded" in shown
            assert "head.npz of v1 is not the one" in shown
        soon(lambda: serves(retraining, "v1"), 60)
        retraining.service.promote("v2", by="tester", reason="a test")

    def test_a_function_that_is_killed_in_mid_map_is_tried_again(self, retraining):
        run = retraining.service.start(Request(prefix="training/good/"))
        soon(lambda: retraining.service.status(run)["step"] == "EmbedBatches")
        soon(lambda: embedding_processes(retraining.stack), 30)[0].kill()
        status = retraining.end_of(run)
        assert status["state"] in {"promoted", "rejected"}, status["reasons"]
        assert status["embedded"] == 1.0
        tried = failed_attempts(retraining.stack, run)
        assert "Runtime.ExitError" in tried, "the killed function was not at work"

    def test_an_outcome_is_told_to_the_topic(self, retraining):
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


@dataclasses.dataclass
class altered:  # noqa: N801 - a context manager
    """One object with its last byte changed, and mended at the end."""

    retraining: Retraining
    key: str

    def __enter__(self) -> None:
        s3 = self.retraining.stack.client("s3")
        self.sound = s3.get_object(Bucket=self.retraining.bucket, Key=self.key)["Body"].read()
        changed = self.sound[:-1] + bytes([self.sound[-1] ^ 1])
        s3.put_object(Bucket=self.retraining.bucket, Key=self.key, Body=changed)

    def __exit__(self, *_: object) -> None:
        self.retraining.stack.client("s3").put_object(
            Bucket=self.retraining.bucket, Key=self.key, Body=self.sound
        )


def embedding_processes(stack: LocalStack) -> list[psutil.Process]:
    """Processes of the embedding function; each is at work on a batch, or waits for one."""
    name = stack.outputs["EmbedFunctionName"]
    found = []
    for process in psutil.Process(stack.pid).children():
        try:
            if process.environ().get("AWS_LAMBDA_FUNCTION_NAME") == name:
                found.append(process)
        except psutil.Error:
            continue
    return found


def failed_attempts(stack: LocalStack, run: str) -> set[str]:
    """Errors of the map's tasks, those included that a later attempt made good."""
    client = stack.client("stepfunctions")
    arn = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{run}"
    errors = set()
    for found in client.list_map_runs(executionArn=arn)["mapRuns"]:
        for child in client.list_executions(mapRunArn=found["mapRunArn"])["executions"]:
            history = client.get_execution_history(executionArn=child["executionArn"])
            for event in history["events"]:
                errors.add(event.get("taskFailedEventDetails", {}).get("error"))
    return errors


class TestPermissions:
    """Each of the retraining's functions may do its work, and nothing beside it."""

    @pytest.fixture(params=["RetrainingFunctionName", "EmbedFunctionName", "TrainFunctionName"])
    def role(self, retraining: Retraining, request: pytest.FixtureRequest) -> tuple[str, Any]:
        stack = retraining.stack
        name = stack.outputs[request.param]
        arn = stack.client("lambda").get_function_configuration(FunctionName=name)["Role"]
        key = stack.client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
        session = boto3.Session(
            key["AccessKeyId"], key["SecretAccessKey"], key["SessionToken"],
            region_name=stack.outputs["region"],
        )  # fmt: skip
        return request.param, stack.client("s3", session)

    @pytest.mark.parametrize(
        ("key", "who"),
        [
            ("models/v99/head.npz", {"RetrainingFunctionName"}),
            ("models/champion.json", {"RetrainingFunctionName", "TrainFunctionName"}),
            ("retraining/r/candidate/x", {"RetrainingFunctionName", "TrainFunctionName"}),
            (
                "retraining/r/features/x",
                {"RetrainingFunctionName", "EmbedFunctionName", "TrainFunctionName"},
            ),
        ],
    )
    def test_writes(self, retraining: Retraining, role: tuple[str, Any], key: str, who: set[str]):
        name, s3 = role
        try:
            # The condition does not hold, so nothing is written: 412 where it would be allowed.
            s3.put_object(Bucket=retraining.bucket, Key=key, Body=b"x", IfMatch='"none"')
        except ClientError as error:
            denied = error.response["Error"]["Code"] == "AccessDenied"
        else:
            pytest.fail("the condition did not hold and yet it was written")
        assert denied is (name not in who)

    def test_deletes_nothing(self, retraining: Retraining, role: tuple[str, Any]):
        with pytest.raises(ClientError, match="AccessDenied"):
            role[1].delete_object(Bucket=retraining.bucket, Key="models/v2/head.npz")

    def test_only_the_embedding_function_reads_clips(
        self, retraining: Retraining, role: tuple[str, Any]
    ):
        name, s3 = role
        uploads = retraining.stack.outputs["UploadsBucketName"]
        key = "heldout/siren/permissions.txt"
        put = retraining.stack.client("s3").put_object(Bucket=uploads, Key=key, Body=b"x")
        where = {"Bucket": uploads, "Key": key, "VersionId": put["VersionId"]}
        if name == "EmbedFunctionName":
            assert s3.get_object(**where)["ContentLength"] > 0
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                s3.get_object(**where)
