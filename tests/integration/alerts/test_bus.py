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
from tests.integration.alerts.test_alerting import Listener, detection, subscriber
from tests.stack import LocalStack


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
        found = [one for one in listener.alerts(2) if one["detail"]["source"] == "bus end"]
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


def test_what_can_wait_comes_in_a_digest_once(local_stack: LocalStack) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    waits = {"digest": ["siren"], "cooldown_s": 0}
    assert local_stack.call("PUT", "/sources/bus later", waits)[0] == 200
    with subscriber(local_stack, "bus-digest") as people:
        for n in range(2):
            table.save(detection("bus later", n))
        assert people.alerts_so_far(table) == [], "they wait"
        report = sweep(local_stack.outputs, {"digest": True})
        assert report == {"digests": 1, "alerts": 2}
        assert sweep(local_stack.outputs, {"digest": True}) == {"digests": 0, "alerts": 0}
        (digest,) = people.alerts(5, at_least=1)
    assert digest["counts"] == [{"source": "bus later", "label": "siren", "count": 2}]
