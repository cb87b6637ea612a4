"""Results as items of DynamoDB, which are their JSON with DynamoDB's types."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, ClassVar

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from earshot.events import EventEmbedding
from earshot.labels import Label
from earshot.results.index_requests import LABEL_BUCKET, label_bucket
from earshot.results.result import Result
from earshot.results.serialization import from_json, to_json
from earshot.uploads.objects import Location

# Every row has the same value of this attribute, for the index of those about which an alert was
# sent, by the time of the alert: the others have none and are not in it. The cooldown keeps them
# few.
LISTING = "listing"
LISTED = "all"
ALERTED_AT = "alerted_at"
MUTED_BY = "muted_by"
# Of a result of an archive: its name. The stream's filter keeps such rows from raising alerts.
ARCHIVE = "archive"
# In a row only: they are in no answer.
EMBEDDINGS, ALL_EMBEDDED = "embeddings", "all_embedded"

Item = dict[str, Any]


@dataclass(frozen=True)
class LabeledRow:
    """A row's facts about its clip as training data.

    Attributes:
        label: that the latest feedback gave; None without any.
        location: of the clip; None if it is not kept.
    """

    ATTRIBUTES: ClassVar = ("clip_id", "verified_label", "bucket", "key", "version_id")

    label: Label | None
    location: Location | None

    @classmethod
    def from_item(cls, item: Item) -> LabeledRow:
        """Of an item with these attributes."""
        text = {name: value.get("S") for name, value in item.items()}
        label, bucket, key = (text.get(name) for name in ("verified_label", "bucket", "key"))
        return cls(
            Label(label) if label else None,
            Location(bucket, key, text.get("version_id")) if bucket and key else None,
        )


def to_item(result: Result, ttl: timedelta, buckets: int = 1) -> Item:
    """Item of a result, which DynamoDB deletes after `ttl`; a `ttl` of zero keeps it."""
    label = result.classification.label if result.classification else None
    item: Item = {
        **to_json(result),
        LISTING: LISTED,
        LABEL_BUCKET: label_bucket(label, result.clip_id, buckets),
    }
    if result.classification and result.classification.embeddings:
        item |= {
            EMBEDDINGS: embeddings_to_list(result.classification.embeddings),
            ALL_EMBEDDED: result.classification.all_embedded,
        }
    if ttl:
        item["expires_at"] = int((result.timestamp + ttl).timestamp())
    return {name: to_attribute(value) for name, value in item.items()}


def from_item(item: Mapping[str, Any]) -> Result:
    """Result of an item."""
    deserialize = TypeDeserializer().deserialize
    document = {name: deserialize(value) for name, value in item.items()}
    result = from_json(document)
    if result.classification and EMBEDDINGS in document:
        classification = replace(
            result.classification,
            embeddings=embeddings_from_list(document[EMBEDDINGS]),
            all_embedded=document[ALL_EMBEDDED],
        )
        return replace(result, outcome=classification)
    return result


def embeddings_to_list(embeddings: Iterable[EventEmbedding]) -> list[dict[str, Any]]:
    """Embeddings of events as they are stored: text, since Lambda's streams hold no bytes."""
    return [
        {
            "label": str(one.label),
            "yamnet": one.yamnet,
            "patches": [b64encode(patch).decode() for patch in one.patches],
        }
        for one in embeddings
    ]


def embeddings_from_list(documents: Iterable[Mapping[str, Any]]) -> tuple[EventEmbedding, ...]:
    """Embeddings of events, as they are stored."""
    return tuple(
        EventEmbedding(Label(one["label"]), one["yamnet"], tuple(map(b64decode, one["patches"])))
        for one in documents
    )


def to_attribute(value: Any) -> Any:
    """A JSON value with DynamoDB's types."""
    return TypeSerializer().serialize(_with_decimals(value))


def _with_decimals(value: Any) -> Any:
    """DynamoDB takes no floats (boto3 #665): decimals with the float's shortest digits."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {name: _with_decimals(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_decimals(member) for member in value]
    return value
