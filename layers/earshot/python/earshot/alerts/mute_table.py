"""Mutes in DynamoDB."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer

from earshot.alerts.mutes import MAX_MUTES, ListedMute, Mute
from earshot.aws.errors import unavailable_on_failure
from earshot.labels import Label
from earshot.results.item import (
    LISTED,
    LISTING,
    embeddings_from_list,
    embeddings_to_list,
    to_attribute,
)
from earshot.results.query import Position
from earshot.times import format_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

BY_SOURCE, BY_TIME = "source-time-index", "time-index"


class MutesTable:
    """One row a clip whose sound is muted. Every method raises `UnavailableError`.

    Mutes of a source are read from an index, which follows the table within a second.

    Args:
        dynamodb: client.
        name: of the table.
        now: the time. DynamoDB deletes expired rows some time later; until then they are passed
            over.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str, now: Callable[[], datetime]) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._now = now

    def put(self, mute: Mute) -> None:
        """Keep a mute, in place of an earlier one by the same clip."""
        item = {
            "clip_id": mute.clip_id,
            "source": mute.source,
            LISTING: LISTED,
            "muted_at": format_time(mute.at),
            "muted_by": mute.by,
            "labels": [str(label) for label in mute.labels],
            "embeddings": embeddings_to_list(mute.embeddings),
            "expires_at": int(mute.expires_at.timestamp()),
        }
        with unavailable_on_failure("The table of mutes"):
            self._dynamodb.put_item(
                TableName=self._name,
                Item={name: to_attribute(value) for name, value in item.items()},
            )

    def of_source(self, source: str) -> list[Mute]:
        """Mutes of a source, at most `MAX_MUTES`, the newest first."""
        items, _ = self._query(BY_SOURCE, "source", source, MAX_MUTES, None)
        return [
            Mute(
                source=item["source"],
                clip_id=item["clip_id"],
                embeddings=embeddings_from_list(item["embeddings"]),
                by=item["muted_by"],
                at=parse_time(item["muted_at"]),
                expires_at=_time(item["expires_at"]),
            )
            for item in items
        ]

    def find(
        self, source: str | None, limit: int, after: Position | None = None
    ) -> tuple[list[ListedMute], Position | None]:
        """Mutes of a source or of all, newest first; and where to go on, if there are more."""
        if source is None:
            items, end = self._query(BY_TIME, LISTING, LISTED, limit, after)
        else:
            items, end = self._query(BY_SOURCE, "source", source, limit, after)
        return [_listed(item) for item in items], end

    def delete(self, clip_id: str) -> ListedMute | None:
        """Delete the mute of a clip, and return it; None if it has none."""
        with unavailable_on_failure("The table of mutes"):
            answer = self._dynamodb.delete_item(
                TableName=self._name, Key={"clip_id": {"S": clip_id}}, ReturnValues="ALL_OLD"
            )
        return _listed(_plain(answer["Attributes"])) if "Attributes" in answer else None

    def delete_source(self, source: str) -> None:
        """Delete all mutes of a source, expired ones too."""
        while found := self._page(BY_SOURCE, "source", source, MAX_MUTES, None)["Items"]:
            for item in found:
                self.delete(item["clip_id"]["S"])

    def _query(
        self, index: str, key: str, value: str, limit: int, after: Position | None
    ) -> tuple[list[dict[str, Any]], Position | None]:
        answer = self._page(index, key, value, limit, after)
        items = [_plain(item) for item in answer["Items"]]
        end = answer.get("LastEvaluatedKey")
        position = Position(parse_time(end["muted_at"]["S"]), end["clip_id"]["S"]) if end else None
        now = self._now().timestamp()
        return [item for item in items if item["expires_at"] > now], position

    def _page(
        self, index: str, key: str, value: str, limit: int, after: Position | None
    ) -> dict[str, Any]:
        request: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": index,
            "KeyConditionExpression": "#key = :value",
            "ExpressionAttributeNames": {"#key": key},
            "ExpressionAttributeValues": {":value": {"S": value}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if after:
            request["ExclusiveStartKey"] = {
                key: {"S": value},
                "muted_at": {"S": format_time(after.time)},
                "clip_id": {"S": after.clip_id},
            }
        with unavailable_on_failure("The table of mutes"):
            answer: Any = self._dynamodb.query(**request)
        return dict(answer)


def _listed(item: dict[str, Any]) -> ListedMute:
    return ListedMute(
        clip_id=item["clip_id"],
        source=item["source"],
        labels=tuple(Label(label) for label in item["labels"]),
        by=item["muted_by"],
        at=parse_time(item["muted_at"]),
        expires_at=_time(item["expires_at"]),
    )


def _plain(item: dict[str, Any]) -> dict[str, Any]:
    deserialize = TypeDeserializer().deserialize
    return {name: deserialize(value) for name, value in item.items()}


def _time(seconds: Any) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)
