"""Sources in DynamoDB."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.results.item import to_attribute
from earshot.sources.settings import SourceSettings
from earshot.sources.source import CLOCK_TOLERANCE_S, Heartbeat, Source, source_from_json
from earshot.times import format_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class SourcesTable:
    """One row a source. Every method raises `UnavailableError` where DynamoDB fails.

    People's settings, and what is known of the microphone, are different attributes of the row, and
    each method changes its own alone.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def get(self, source: str) -> Source | None:
        """A source; None if it was never seen and nothing is set for it."""
        with unavailable_on_failure("The table of sources"):
            answer = self._dynamodb.get_item(
                TableName=self._name, Key={"source": {"S": source}}, ConsistentRead=True
            )
        return _from_item(answer["Item"]) if "Item" in answer else None

    def all(self) -> list[Source]:
        """All sources, by name."""
        with unavailable_on_failure("The table of sources"):
            pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._name)
            found = [_from_item(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda one: one.source)

    def set(self, source: str, settings: SourceSettings) -> Source:
        """Give a source these settings in place of all earlier ones; the source."""
        return self._update(source, settings.to_json())

    def seen(self, source: str, at: datetime, clock_off_s: float | None) -> None:
        """Note a segment of a source, which is created by that.

        Args:
            source: of the segment.
            at: when it came.
            clock_off_s: of the clock that its time is by; None if it has none.
        """
        values: dict[str, Any] = {"last_segment": format_time(at)}
        if clock_off_s is not None:
            values["clock_off_s"] = clock_off_s
        self._update(source, values, first_seen=at)

    def beat(self, source: str, beat: Heartbeat, now: datetime) -> Source:
        """Note what a listener reports about itself; the source."""
        known = self.get(source) or Source(source)
        off = (beat.sent_at - now).total_seconds()
        values: dict[str, Any] = {
            "last_heartbeat": format_time(now),
            "level_dbfs": beat.level_dbfs,
            "usual_level_dbfs": known.usual_level(beat),
            "microphone": beat.microphone,
            "waiting": beat.waiting,
            "dropped": beat.dropped,
            "clock_off_s": round(off, 1) if abs(off) > CLOCK_TOLERANCE_S else 0.0,
        }
        if beat.segments:
            values["last_segment"] = format_time(now)
        return self._update(source, values, first_seen=now)

    def note_faults(self, source: Source, faults: Mapping[str, str]) -> bool:
        """Note of which faults people are alerted; False if that has changed meanwhile."""
        try:
            self._update(source.source, {"faults": dict(faults)}, expected=dict(source.faults))
        except _ChangedError:
            return False
        return True

    def delete(self, source: str) -> bool:
        """Forget a source and its settings; False if there is none."""
        with unavailable_on_failure("The table of sources"):
            answer = self._dynamodb.delete_item(
                TableName=self._name, Key={"source": {"S": source}}, ReturnValues="ALL_OLD"
            )
        return "Attributes" in answer

    def _update(
        self,
        source: str,
        values: Mapping[str, Any],
        first_seen: datetime | None = None,
        expected: Mapping[str, str] | None = None,
    ) -> Source:
        names = {f"#{i}": name for i, name in enumerate(values)}
        given = {f":{i}": to_attribute(value) for i, value in enumerate(values.values())}
        sets = [f"#{i} = :{i}" for i in range(len(values))]
        request: dict[str, Any] = {}
        if first_seen:
            sets.append("first_seen = if_not_exists(first_seen, :first)")
            given[":first"] = {"S": format_time(first_seen)}
        if expected is not None:
            given[":expected"] = to_attribute(dict(expected))
            none = "attribute_not_exists(faults) OR " if not expected else ""
            request["ConditionExpression"] = f"{none}faults = :expected"
        with unavailable_on_failure("The table of sources"):
            try:
                answer: Any = self._dynamodb.update_item(
                    TableName=self._name,
                    Key={"source": {"S": source}},
                    UpdateExpression=f"SET {', '.join(sets)}",
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=given,
                    ReturnValues="ALL_NEW",
                    **request,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                    raise _ChangedError from error
                raise
        return _from_item(answer["Attributes"])


class _ChangedError(Exception):
    """The row is not as it was expected."""


def _from_item(item: Mapping[str, Any]) -> Source:
    deserialize = TypeDeserializer().deserialize
    return source_from_json({name: deserialize(value) for name, value in item.items()})
