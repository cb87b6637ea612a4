"""The EventBridge bus, which alerts are put on beside the topic.

The event's detail is described by a JSON Schema of its version: ``events/alert-1.schema.json``,
``events/source-alert-1.schema.json`` and ``events/digest-1.schema.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from botocore.exceptions import ClientError

from earshot.alerts.alert import Alert, for_message, to_json
from earshot.alerts.source_alert import SourceAlert
from earshot.aws.errors import unavailable_on_failure
from earshot.errors import UnavailableError
from earshot.times import format_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_events import EventBridgeClient

SOURCE = "earshot"
ALERT = "Earshot Alert"
SOURCE_FAULT = "Earshot Source Fault"
SOURCE_RECOVERED = "Earshot Source Recovered"
DIGEST = "Earshot Digest"
# Of the detail's form. A change that a consumer has to know of makes a new one.
SCHEMA_VERSION = 1


@dataclass(frozen=True)
class BusEvent:
    """An event of the bus.

    Attributes:
        kind: its detail-type.
        detail: as its schema says.
        at: when it happened.
    """

    kind: str
    detail: dict[str, Any]
    at: datetime

    def to_text(self) -> str:
        """The event as a text, to keep it until the bus takes it."""
        return json.dumps([self.kind, self.detail, format_time(self.at)])


def event_from_text(text: str) -> BusEvent:
    """Event of `BusEvent.to_text`."""
    kind, detail, at = json.loads(text)
    return BusEvent(kind, detail, parse_time(at))


def event_of_alert(alert: Alert) -> BusEvent:
    """Event of an alert."""
    detail = {"schema_version": SCHEMA_VERSION, **to_json(for_message(alert))}
    return BusEvent(ALERT, detail, alert.alerted_at)


def event_of_source_alert(alert: SourceAlert) -> BusEvent:
    """Event of an alert about a source itself."""
    kind = SOURCE_RECOVERED if alert.over else SOURCE_FAULT
    return BusEvent(kind, {"schema_version": SCHEMA_VERSION, **alert.to_json()}, alert.at)


def event_of_digest(document: Mapping[str, Any], at: datetime) -> BusEvent:
    """Event of a digest."""
    return BusEvent(DIGEST, {"schema_version": SCHEMA_VERSION, **document}, at)


class KeptEvents:
    """Events that the bus did not take, in one row of the table of cooldowns, oldest first.

    The row holds some hundred events. Each method raises `UnavailableError` where DynamoDB fails,
    and `add` where the row is full.
    """

    _KEY: ClassVar = {"subject": {"S": "events for the bus"}}

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def add(self, event: str) -> None:
        """Keep an event."""
        with unavailable_on_failure("The table of cooldowns"):
            self._dynamodb.update_item(
                TableName=self._table,
                Key=self._KEY,
                UpdateExpression="SET kept = list_append(if_not_exists(kept, :none), :one)",
                ExpressionAttributeValues={":none": {"L": []}, ":one": {"L": [{"S": event}]}},
            )

    def all(self) -> list[str]:
        """Events that are kept."""
        with unavailable_on_failure("The table of cooldowns"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key=self._KEY, ConsistentRead=True
            )
        return [one["S"] for one in answer.get("Item", {}).get("kept", {}).get("L", [])]

    def remove(self, number: int, oldest: str) -> None:
        """Forget so many of the oldest, unless somebody else has: what was added meanwhile stays.

        Args:
            number: of events to forget.
            oldest: the first of them.
        """
        with unavailable_on_failure("The table of cooldowns"):
            try:
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=self._KEY,
                    UpdateExpression=f"REMOVE {', '.join(f'kept[{n}]' for n in range(number))}",
                    ConditionExpression="kept[0] = :oldest",
                    ExpressionAttributeValues={":oldest": {"S": oldest}},
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise


class AlertBus:
    """An event bus of EventBridge. What it does not take is kept, and put on it later.

    Nothing waits for a bus that fails: were its results to come again by their stream, they would
    hold up the alerts about those that came after them.

    Args:
        events: client.
        name: of the bus.
        kept: what the bus did not take.
    """

    def __init__(self, events: EventBridgeClient, name: str, kept: KeptEvents) -> None:
        self._events = events
        self._name = name
        self._kept = kept

    def put(self, event: BusEvent) -> None:
        """Put an event on the bus, or keep it. Raises `UnavailableError` if neither is possible."""
        try:
            self._put(event)
        except UnavailableError:
            self._kept.add(event.to_text())

    def put_kept(self) -> int:
        """Put on the bus what was kept; how many events are left.

        A crash in between puts an event twice; both have the same `alert_id`.

        Raises:
            UnavailableError: the store of kept events failed.
        """
        kept = self._kept.all()
        taken = 0
        for text in kept:
            try:
                self._put(event_from_text(text))
            except UnavailableError:
                break
            taken += 1
        if taken:
            self._kept.remove(taken, kept[0])
        return len(kept) - taken

    def _put(self, event: BusEvent) -> None:
        with unavailable_on_failure("The event bus"):
            answer = self._events.put_events(
                Entries=[
                    {
                        "EventBusName": self._name,
                        "Source": SOURCE,
                        "DetailType": event.kind,
                        "Detail": json.dumps(event.detail),
                        "Time": event.at,
                    }
                ]
            )
        if answer["FailedEntryCount"]:
            reason = answer["Entries"][0].get("ErrorMessage", "no reason given")
            raise UnavailableError(f"The event bus took no event: {reason}")
