"""What Step Functions answers about executions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from earshot.errors import UnavailableError
from earshot.retraining.state_machine import StateMachine

ARN = "arn:aws:states:eu-central-1:123456789012:stateMachine:earshot-retrain"
RUN_ARN = "arn:aws:states:eu-central-1:123456789012:execution:earshot-retrain:r1"
AT = datetime(2026, 1, 31, tzinfo=UTC)


@pytest.fixture
def stub() -> Any:
    with Stubber(boto3.client("stepfunctions", region_name="eu-central-1")) as stub:
        yield stub


def execution(name: str, **members: str) -> dict[str, Any]:
    return {
        "executionArn": RUN_ARN, "stateMachineArn": ARN, "name": name, "status": "RUNNING",
        "startDate": AT, **members,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("executions", "running"),
    [
        ([], None),
        ([execution("r1")], "r1"),
        ([execution("item", mapRunArn=ARN), execution("r1")], "r1"),
    ],
)
def test_the_execution_that_is_under_way_is_named_and_no_item_of_its_map(stub, executions, running):
    asked = {"stateMachineArn": ARN, "statusFilter": "RUNNING"}
    stub.add_response("list_executions", {"executions": executions}, asked)
    assert StateMachine(stub.client, ARN).running() == running


def test_the_newest_executions_are_listed_without_items_of_a_map(stub):
    listed = [execution("item", mapRunArn=ARN), execution("r2"), execution("r1", status="FAILED")]
    asked = {"stateMachineArn": ARN, "maxResults": 20}
    stub.add_response("list_executions", {"executions": listed}, asked)
    newest = StateMachine(stub.client, ARN).newest(20)
    assert [(one.name, one.status) for one in newest] == [("r2", "RUNNING"), ("r1", "FAILED")]


@pytest.mark.parametrize(("status", "runs"), [("RUNNING", True), ("ABORTED", False)])
def test_whether_a_run_is_under_way(stub, status, runs):
    answer = execution("r1") | {"status": status}
    for _ in range(2):
        stub.add_response("describe_execution", answer, {"executionArn": RUN_ARN})
    machine = StateMachine(stub.client, ARN)
    assert machine.is_running("r1") is runs
    assert machine.exists("r1")


def test_what_was_never_started_is_not_under_way_and_a_failure_is_no_answer(stub):
    machine = StateMachine(stub.client, ARN)
    for _ in range(2):
        stub.add_client_error("describe_execution", "ExecutionDoesNotExist")
    assert not machine.is_running("r1")
    assert not machine.exists("r1")
    stub.add_client_error("describe_execution", "InternalError", http_status_code=500)
    with pytest.raises(UnavailableError):
        machine.is_running("r1")
