"""Alerts on the event bus of the local stack, and what a failing bus does to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import jsonschema

from earshot.results.table import ResultsTable
from local.settings import REPOSITORY
from local.sweep import sweep
from local.ui import link_alerts
from tests.integration.alerts.test_alerting import Listener, detection, subscriber
from tests.stack import LocalStack, wait_for


@contextmanager
def events(stack: LocalStack, name: str) -> Iterator[Listener]:
    """A queue with the bus's events from here on, by a rule of its own."""
    sqs, bus = stack.client("sqs"), stack.client("events")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    on = {"EventBusName": stack.outputs["EventBusName"]}
    bus.put_rule(Name=name, EventPattern=json.dumps({"source": ["earshot"]}), **on)
    target = {"Id": "queue", "Arn": attributes["Attributes"]["QueueArn"]}
    bus.put_targets(Rule=name, Targets=[target], **on)
    try:
        yield Listener(sqs, url)
    finally:
        bus.remove_targets(Rule=name, Ids=["queue"], **on)
        bus.delete_rule(Name=name, **on)
        sqs.delete_queue(QueueUrl=url)


def check(event: dict[str, Any], schema: str) -> None:
    content = json.loads((REPOSITORY / "events" / f"{schema}-1.schema.json").read_text())
    jsonschema.validate(event["detail"], content)


def test_an_alert_is_an_event_as_its_schema_says(local_stack: LocalStack) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    zone = {"time_zone": "Europe/Berlin", "place": "by the lake"}
    assert local_stack.call("PUT", "/sources/bus stop", zone)[0] == 200
    with events(local_stack, "bus-alerts") as listener:
        table.save(detection("bus stop", 1, recorded_at=datetime(2026, 7, 1, 12, tzinfo=UTC)))
        found: list[dict[str, Any]] = []
        while not found:
            came = listener.alerts(60, at_least=1)
            found = [one for one in came if one["detail"]["source"] == "bus stop"]
    (event,) = found
    assert (event["source"], event["detail-type"]) == ("earshot", "Earshot Alert")
    assert event["detail"]["local_time"] == "2026-07-01T14:00:00.500+02:00"
    check(event, "alert")


def test_a_source_that_is_silent_is_an_event(local_stack: LocalStack) -> None:
    rows = local_stack.client("dynamodb")
    stack = local_stack.client("cloudformation")
    name = stack.describe_stack_resource(
        StackName=local_stack.outputs["stack_name"], LogicalResourceId="SourcesTable"
    )["StackResourceDetail"]["PhysicalResourceId"]
    assert local_stack.call("PUT", "/sources/bus end", {"silent_after_s": 60})[0] == 200
    long_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    rows.update_item(
        TableName=name,
        Key={"source": {"S": "bus end"}},
        UpdateExpression="SET last_segment = :t",
        ExpressionAttributeValues={":t": {"S": long_ago}},
    )
    with events(local_stack, "bus-sources") as listener:
        for _ in range(2):
            sweep(local_stack.outputs, {"watch": True})
        found = [one for one in listener.messages(2) if one["detail"]["source"] == "bus end"]
    (event,) = found
    assert event["detail-type"] == "Earshot Source Fault"
    check(event, "source-alert")
    assert local_stack.call("PUT", "/sources/bus end", {"silent_after_s": 0})[0] == 200
    sweep(local_stack.outputs, {"watch": True})  # it is over, and in no other test's way


def test_people_get_their_alerts_while_the_bus_is_gone_and_it_gets_its_events_later(
    local_stack: LocalStack,
) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    functions, name = local_stack.client("lambda"), local_stack.outputs["AlertFunctionName"]
    configuration = functions.get_function_configuration(FunctionName=name)["Environment"]
    elsewhere = {"Variables": configuration["Variables"] | {"EVENT_BUS": "gone"}}
    wanted = ["bus gone", "bus gone too"]
    with (
        subscriber(local_stack, "bus-topic") as people,
        events(local_stack, "bus-back") as listener,
    ):
        functions.update_function_configuration(FunctionName=name, Environment=elsewhere)
        try:
            for source in wanted:
                table.save(detection(source, 1))
            alerts = people.alerts(20, at_least=2)
        finally:
            functions.update_function_configuration(FunctionName=name, Environment=configuration)
        assert [alert["source"] for alert in alerts] == wanted
        assert sweep(local_stack.outputs, {"watch": True})["events_kept"] == 0
        found = [one["detail"]["source"] for one in listener.alerts(10, at_least=2)]
        assert [source for source in found if source in wanted] == wanted
        assert people.alerts(1) == [], "nobody got an alert twice"


def waiting(stack: LocalStack, clip_id: str) -> bool:
    """Whether an alert about a clip waits for a digest."""
    table = physical_name(stack, "CooldownsTable")
    rows = stack.client("dynamodb").scan(TableName=table)["Items"]
    subjects = [row["subject"]["S"] for row in rows]
    return any(one.startswith(f"digest#{clip_id}") for one in subjects)


def physical_name(stack: LocalStack, name: str) -> str:
    detail: Any = stack.client("cloudformation").describe_stack_resource(
        StackName=stack.outputs["stack_name"], LogicalResourceId=name
    )["StackResourceDetail"]
    return str(detail["PhysicalResourceId"])


def test_alerts_link_to_the_web_interface_that_runs(local_stack: LocalStack) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    with subscriber(local_stack, "bus-ui") as people:
        try:
            link_alerts(local_stack.outputs, "http://127.0.0.1:8501")
            linked = detection("bus ui", 1)
            table.save(linked)
            (alert,) = people.alerts(20, at_least=1)
        finally:
            link_alerts(local_stack.outputs, "")
    assert alert["page_url"] == f"http://127.0.0.1:8501/?clip={linked.clip_id}"


def test_what_can_wait_comes_in_a_digest_once(local_stack: LocalStack) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    waits = {"digest": ["siren"], "cooldown_s": 0}
    assert local_stack.call("PUT", "/sources/bus later", waits)[0] == 200
    with subscriber(local_stack, "bus-digest") as people:
        for n in range(3):
            table.save(detection("bus later", n))
        erased = detection("bus later", 2).clip_id
        wait_for(lambda: waiting(local_stack, erased))
        assert local_stack.call("DELETE", f"/results/{erased}")[0] == 200
        assert people.alerts_so_far(table) == [], "they wait"
        report = sweep(local_stack.outputs, {"digest": True})
        assert report == {"digests": 1, "alerts": 2}
        assert sweep(local_stack.outputs, {"digest": True}) == {"digests": 0, "alerts": 0}
        (digest,) = people.alerts(5, at_least=1)
    assert digest["counts"] == [{"source": "bus later", "label": "siren", "count": 2}]
