"""Entries of docs/runbook.md, followed to their end: what an alarm reports is brought about.

Waits are made short by the attributes of queues alone. The emulator has no `StartMessageMoveTask`,
so `redrive` does what that does.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from earshot.results.table import ResultsTable
from local.receivers.deliveries import also_delivered
from local.receivers.webhooks import receiver
from local.settings import LocalStackError
from local.sweep import sweep
from tests.clips import wav
from tests.integration.alerts.test_alerting import detection
from tests.integration.uploads.test_main_job import result, upload
from tests.stack import LocalStack, messages, wait_for


def text_of_log(stack: LocalStack, function: str) -> str:
    """What a function of the template, such as `sweep`, has logged."""
    group = f"/aws/lambda/{stack.outputs['stack_name']}-{function}"
    pages = stack.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return "\n".join(event["message"] for page in pages for event in page["events"])


def wait_for_log(stack: LocalStack, function: str, *texts: str) -> None:
    """Wait until a function has logged each text: the emulator reads a log after the answer."""
    wait_for(lambda: all(text in text_of_log(stack, function) for text in texts))


@contextmanager
def without(stack: LocalStack, function: str, permission: str) -> Iterator[None]:
    """Take a permission, a statement of its role's policy, away from a function."""
    iam, functions = stack.client("iam"), stack.client("lambda")
    arn = functions.get_function_configuration(FunctionName=name_of(stack, function))["Role"]
    role = arn.rpartition("/")[2]
    (policy,) = iam.list_role_policies(RoleName=role)["PolicyNames"]
    kept = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
    left = [one for one in kept["Statement"] if one["Sid"] != permission]
    assert len(left) == len(kept["Statement"]) - 1

    def put(document: dict[str, Any]) -> None:
        text = json.dumps(document)
        iam.put_role_policy(RoleName=role, PolicyName=policy, PolicyDocument=text)

    put(kept | {"Statement": left})
    try:
        yield
    finally:
        put(kept)


def name_of(stack: LocalStack, function: str) -> str:
    """Name of a function, given that in the template."""
    answer = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.outputs["stack_name"], LogicalResourceId=function
    )
    return str(answer["StackResourceDetail"]["PhysicalResourceId"])


@contextmanager
def tried_once(stack: LocalStack, queue: str) -> Iterator[None]:
    """A message of this queue, named by its output, is a dead letter after its first failure."""
    sqs, url = stack.client("sqs"), stack.outputs[queue]
    name = "RedrivePolicy"
    kept = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
    once = json.dumps(json.loads(kept) | {"maxReceiveCount": 1})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={name: once})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={name: kept})


def redrive(stack: LocalStack, dead_letters: str, queue: str) -> None:
    """Send dead letters back to their queue; both are named by their outputs."""
    sqs, source = stack.client("sqs"), stack.outputs[dead_letters]
    while found := sqs.receive_message(QueueUrl=source, MaxNumberOfMessages=10).get("Messages"):
        for one in found:
            sqs.send_message(QueueUrl=stack.outputs[queue], MessageBody=one["Body"])
            sqs.delete_message(QueueUrl=source, ReceiptHandle=one["ReceiptHandle"])


def test_an_upload_that_failed_is_classified_once_it_is_sent_back(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    with (
        tried_once(local_stack, "UploadsQueueUrl"),
        without(local_stack, "ClassifyFunction", "WriteResults"),
    ):
        clip_id = upload(local_stack, "incoming/dead letter/a.wav", siren_wav)
        wait_for(lambda: messages(local_stack, "UploadsDeadLetterQueueUrl") == 1)
    assert local_stack.call("GET", "/status")[1]["queues"]["uploads_dead_letter"] == 1
    wait_for_log(
        local_stack,
        "classify",
        "classification failed; message returned to the queue",
        "not authorized to perform: dynamodb:PutItem",
    )
    redrive(local_stack, "UploadsDeadLetterQueueUrl", "UploadsQueueUrl")
    assert result(local_stack, clip_id)["label"] == "siren"
    assert messages(local_stack, "UploadsDeadLetterQueueUrl") == 0


def test_a_sweep_that_may_not_look_results_up_says_so_and_runs_again(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    result(local_stack, upload(local_stack, "incoming/swept/a.wav", siren_wav))
    request = {"min_age_minutes": 0.0, "max_age_hours": 1.0}
    with (
        without(local_stack, "SweepFunction", "LookUpResults"),
        pytest.raises(LocalStackError, match="not available"),
    ):
        sweep(local_stack.outputs, request)
    wait_for_log(local_stack, "sweep", "not authorized to perform: dynamodb:BatchGetItem")
    assert sweep(local_stack.outputs, request)["uploads"] > 0


@pytest.mark.parametrize("function", ["Classify", "Api", "Deliver"])
def test_a_crash_leaves_its_traceback_in_the_log(local_stack: LocalStack, function: str) -> None:
    functions, name = local_stack.client("lambda"), name_of(local_stack, f"{function}Function")

    def crashed() -> bool:
        # More than once: what a busy machine logs late is read with the function's next answer.
        assert functions.invoke(FunctionName=name, Payload=b'{"Records": 1}')["FunctionError"]
        log = text_of_log(local_stack, function.lower())
        return "[ERROR]" in log and "Traceback (most recent call last)" in log

    wait_for(crashed)


def test_a_5xx_of_the_api_has_its_reason_in_a_log(local_stack: LocalStack) -> None:
    with without(local_stack, "ApiFunction", "FindResults"):
        assert local_stack.call("GET", "/results")[0] == 503
    wait_for_log(local_stack, "api", "request failed", "not authorized to perform: dynamodb:Query")
    assert local_stack.call("GET", "/results")[0] == 200


def test_what_classify_may_not_run_for_is_late_and_not_lost(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    functions, name = local_stack.client("lambda"), local_stack.outputs["ClassifyFunctionName"]
    functions.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        clip_id = upload(local_stack, "incoming/throttled/a.wav", siren_wav)
        headers = {"Content-Type": "audio/wav"}
        post = local_stack.request("POST", "/predict?source=throttled", siren_wav, headers)
        assert post.status == 429
        assert messages(local_stack, "UploadsQueueUrl") == 1
    finally:
        functions.delete_function_concurrency(FunctionName=name)
    assert result(local_stack, clip_id)["label"] == "siren"


def test_a_row_that_cannot_be_read_is_named_in_the_log_of_alert(local_stack: LocalStack) -> None:
    dynamodb, table = local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"]
    ResultsTable(dynamodb, table).save(one := detection("unreadable", 1))
    row = dynamodb.get_item(TableName=table, Key={"clip_id": {"S": one.clip_id}})["Item"]
    clip_id = {"S": uuid.uuid4().hex}
    dynamodb.put_item(TableName=table, Item=row | {"clip_id": clip_id, "label": {"S": "thunder"}})
    try:
        wait_for(lambda: clip_id["S"] in text_of_log(local_stack, "alert"))
        assert local_stack.call("GET", "/results")[0] == 200  # the others are listed
    finally:
        dynamodb.delete_item(TableName=table, Key={"clip_id": clip_id})
    wait_for_log(
        local_stack,
        "alert",
        "result cannot be read; no alert",
        '"results_unreadable":[1.0]',
    )


def test_an_event_that_a_webhook_refused_is_delivered_once_it_is_sent_back(
    local_stack: LocalStack,
) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    alert = detection("refused", 1)
    with receiver() as hook:
        hook.refuses = lambda one: (
            one.json["detail"].get("source") == "refused" and not hook.refused
        )
        soc = {"name": "refusing", "kind": "webhook", "url": hook.url}
        with also_delivered(local_stack.outputs, soc):
            with tried_once(local_stack, "DeliveriesQueueUrl"):
                table.save(alert)
                wait_for(lambda: messages(local_stack, "DeliveriesDeadLetterQueueUrl") == 1)
            wait_for_log(local_stack, "deliver", "refusing answered 503")
            redrive(local_stack, "DeliveriesDeadLetterQueueUrl", "DeliveriesQueueUrl")
            wait_for(lambda: alert.clip_id in [one["clip_id"] for one in hook.details()])
    assert messages(local_stack, "DeliveriesDeadLetterQueueUrl") == 0


def test_a_hum_is_far_from_training_and_its_source_is_in_the_log(local_stack: LocalStack) -> None:
    time = np.arange(4 * 16_000) / 16_000
    hum = 0.6 * np.sign(np.sin(2 * np.pi * 50 * time)) + 0.02 * np.random.default_rng(0).normal(
        size=time.size
    )
    result(local_stack, upload(local_stack, "incoming/humming/a.wav", wav(hum.astype(np.float32))))

    def distance() -> float | None:
        for line in text_of_log(local_stack, "classify").splitlines():
            if '"clip classified"' in line and '"source":"humming"' in line:
                return float(json.loads(line)["embedding_distance"])
        return None

    assert wait_for(distance) > 1.25
