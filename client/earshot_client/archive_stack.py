"""Archives of a stack, over AWS's own interfaces."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3


@dataclass(frozen=True)
class RunState:
    """How a run stands.

    Attributes:
        status: as Step Functions has it, such as ``RUNNING``.
        step: that is at work.
        done: batches, or files, of that step.
        total: of them; 0 while none are known.
        asked: the input, JSON.
        answer: the output, JSON; empty until it has one.
        reason: why it failed, if it did.
    """

    status: str
    step: str
    done: int
    total: int
    asked: str
    answer: str
    reason: str


class ArchiveStack:
    """The archives of one stack.

    Args:
        stack: name of the CloudFormation stack. Region, credentials and endpoint are those of the
            environment, as for the AWS command line.
    """

    def __init__(self, stack: str) -> None:
        session = boto3.Session()
        described = session.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]
        self._outputs = {o["OutputKey"]: o["OutputValue"] for o in described.get("Outputs", [])}
        self._lambda = session.client("lambda")
        self._machine = session.client("stepfunctions")
        self._s3 = session.client("s3")

    def concurrency(self) -> int:
        """Batches at a time, unless an archive says otherwise."""
        name = self._outputs["ArchiveFunctionName"]
        settings = self._lambda.get_function_configuration(FunctionName=name)["Environment"]
        return int(settings["Variables"]["ARCHIVE_CONCURRENCY"])

    def counted(self, bucket: str, prefix: str) -> Iterator[tuple[int, int]]:
        """Clips and bytes of each page of the listing."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        for page in pages:
            sizes = [e["Size"] for e in page.get("Contents", []) if not e["Key"].endswith("/")]
            yield len(sizes), sum(sizes)

    def start(self, name: str, asked: dict[str, Any]) -> str:
        """Start a run of an archive; returns its ARN."""
        # An archive that goes on is another execution, and those have names of their own.
        answer = self._machine.start_execution(
            stateMachineArn=self._outputs["ArchiveStateMachineArn"],
            name=f"{name[:60]}-{int(time.time())}",
            input=json.dumps(asked),
        )
        return answer["executionArn"]

    def state(self, run: str) -> RunState:
        """How a run stands."""
        execution = self._machine.describe_execution(executionArn=run)
        maps = self._machine.list_map_runs(executionArn=run)["mapRuns"]
        step, done, total = "planning", 0, 0
        if maps:
            latest = max(maps, key=lambda one: one["startDate"])
            described = self._machine.describe_map_run(mapRunArn=latest["mapRunArn"])
            counts = described["executionCounts"]
            step = "batches" if "/ClassifyBatches:" in latest["mapRunArn"] else "Parquet files"
            done = counts["succeeded"] + counts["failed"]
            total = counts["total"]
        return RunState(
            execution["status"],
            step,
            done,
            total,
            execution["input"],
            execution.get("output", ""),
            f"{execution.get('error', '')} {in_words(execution.get('cause', ''))}".strip(),
        )


def in_words(cause: str) -> str:
    """Why an execution failed; of a function's error its message, without the stack trace."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, TypeError, KeyError):
        return cause
