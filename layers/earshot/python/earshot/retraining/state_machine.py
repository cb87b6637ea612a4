"""The retraining state machine in Step Functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import ConflictError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient
    from mypy_boto3_stepfunctions.type_defs import DescribeExecutionOutputTypeDef


@dataclass(frozen=True)
class Execution:
    """An execution of the state machine.

    Attributes:
        status: ``RUNNING``, ``SUCCEEDED``, ``FAILED``, ``TIMED_OUT`` or ``ABORTED``.
        step: the state it is in, or was in last; None before the first.
        started: when it started.
        stopped: when it ended; None while it runs.
        cause: why it failed; None otherwise.
    """

    status: str
    step: str | None
    started: datetime
    stopped: datetime | None
    cause: str | None


@dataclass(frozen=True)
class ListedExecution:
    """An execution in a list.

    Attributes:
        name: of the execution.
        status: as of `Execution`.
        started: when it started.
    """

    name: str
    status: str
    started: datetime


class StateMachine:
    """One state machine; every method raises `UnavailableError` where Step Functions fails."""

    def __init__(self, step_functions: SFNClient, arn: str) -> None:
        self._step_functions = step_functions
        self._arn = arn

    def start(self, name: str, document: dict[str, Any]) -> None:
        """Start an execution.

        Raises:
            ConflictError: there is one of that name already.
        """
        with unavailable_on_failure("Step Functions"):
            try:
                self._step_functions.start_execution(
                    stateMachineArn=self._arn, name=name, input=json.dumps(document)
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ExecutionAlreadyExists":
                    raise ConflictError(f"There is a retraining {name} already.") from error
                raise

    def running(self) -> str | None:
        """Name of an execution that is under way; None if there is none.

        One that started within the last moments may be missing.
        """
        with unavailable_on_failure("Step Functions"):
            found = self._step_functions.list_executions(
                stateMachineArn=self._arn, statusFilter="RUNNING"
            )["executions"]
        # Those of a map's items have a map run.
        return next((one["name"] for one in found if not one.get("mapRunArn")), None)

    def newest(self, most: int) -> list[ListedExecution]:
        """The executions that started last, newest first; at most so many."""
        with unavailable_on_failure("Step Functions"):
            found = self._step_functions.list_executions(
                stateMachineArn=self._arn, maxResults=most
            )["executions"]
        return [
            ListedExecution(one["name"], one["status"], one["startDate"])
            for one in found
            if not one.get("mapRunArn")
        ]

    def exists(self, name: str) -> bool:
        """Whether an execution of that name was ever started."""
        try:
            self._describe(name)
        except NotFoundError:
            return False
        return True

    def is_running(self, name: str) -> bool:
        """Whether there is an execution of that name, and it is under way."""
        try:
            return bool(self._describe(name)["status"] == "RUNNING")
        except NotFoundError:
            return False

    def execution(self, name: str) -> Execution:
        """Where an execution stands.

        Raises:
            NotFoundError: there is none of that name.
        """
        found = self._describe(name)
        arn = found["executionArn"]
        with unavailable_on_failure("Step Functions"):
            events = self._step_functions.get_execution_history(
                executionArn=arn, reverseOrder=True, maxResults=100, includeExecutionData=True
            )["events"]
        entered = (event.get("stateEnteredEventDetails") for event in events)
        return Execution(
            status=found["status"],
            step=next((details["name"] for details in entered if details), None),
            started=found["startDate"],
            stopped=found.get("stopDate"),
            cause=found.get("cause"),
        )

    def _describe(self, name: str) -> DescribeExecutionOutputTypeDef:
        arn = f"{self._arn.replace(':stateMachine:', ':execution:')}:{name}"
        with unavailable_on_failure("Step Functions"):
            try:
                return self._step_functions.describe_execution(executionArn=arn)
            except ClientError as error:
                if error.response["Error"]["Code"] in {"ExecutionDoesNotExist", "InvalidArn"}:
                    raise NotFoundError(f"There is no retraining {name}.") from error
                raise
