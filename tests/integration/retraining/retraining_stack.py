"""Retraining on a local stack."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from earshot.results.item import from_item
from earshot.results.result import Classification
from earshot.retraining.plan import Request
from earshot.retraining.service import RetrainingService
from earshot.uploads.objects import object_clip_id
from tests.stack import LocalStack
from training.data.labeled_clips import LabeledClip

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

    def upload(self, clips: list[LabeledClip], prefix: str) -> None:
        s3 = self.stack.client("s3")
        for clip in clips:
            s3.put_object(
                Bucket=self.stack.outputs["UploadsBucketName"],
                Key=f"{prefix}{clip.label}/{clip.path.name}",
                Body=clip.path.read_bytes(),
            )

    def classify(self) -> Classification:
        """Classification of an upload."""
        bucket, key = self.stack.outputs["UploadsBucketName"], "incoming/siren.wav"
        answer = self.stack.client("s3").put_object(
            Bucket=bucket, Key=key, Body=self.clip.read_bytes()
        )
        clip_id = {"S": object_clip_id(bucket, key, answer["VersionId"])}
        table, dynamodb = self.stack.outputs["ResultsTableName"], self.stack.client("dynamodb")

        def item() -> Any:
            return dynamodb.get_item(TableName=table, Key={"clip_id": clip_id}).get("Item")

        classification = from_item(soon(item)).classification
        assert classification
        return classification

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


def serves(retraining: Retraining, version: str) -> bool:
    return retraining.classify().model_version == version


@dataclasses.dataclass
class altered:  # noqa: N801 - a context manager
    """One object with its last byte changed, and restored at the end."""

    retraining: Retraining
    key: str

    def __enter__(self) -> None:
        s3 = self.retraining.stack.client("s3")
        self.sound = s3.get_object(Bucket=self.retraining.bucket, Key=self.key)["Body"].read()
        self._replace(self.sound[:-1] + bytes([self.sound[-1] ^ 1]))

    def __exit__(self, *_: object) -> None:
        self._replace(self.sound)

    def _replace(self, content: bytes) -> None:
        """As an administrator may: the bucket lets nobody write over a file of a version."""
        s3 = self.retraining.stack.client("s3")
        s3.delete_object(Bucket=self.retraining.bucket, Key=self.key)
        s3.put_object(Bucket=self.retraining.bucket, Key=self.key, Body=content, IfNoneMatch="*")


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
