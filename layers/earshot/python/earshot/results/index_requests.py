"""Requests for the indexes of the results table."""

from __future__ import annotations

import zlib
from datetime import datetime, timedelta
from typing import Any

from earshot.labels import LABELS, Label
from earshot.results.query import Position, ResultQuery
from earshot.results.states import State
from earshot.times import format_time, parse_time

# A result is in the index of labels under its label and a bucket, by its clip id. One value of a
# key takes a thousand writes a second, whatever times follow in its partition; so many buckets take
# so many thousands of each label. All results are the buckets of all labels, merged.
LABEL_BUCKET = "label_bucket"
REJECTED = "rejected"  # in place of a label
# What the indexes hold of a row: what is filtered and counted by. Rows come from the table itself.
PROJECTED = (
    *("status", "label", "source", "confidence", "uncertain", "recorded_at"),
    *("verified_label", "alerted_at", "muted_by"),
)

# Of each state, as DynamoDB has it. Clips that were rejected have no label, and none to review.
_CONDITIONS = {
    State.THREAT: "(attribute_exists(#label) AND #label <> :casual)",
    State.ALERTED: "attribute_exists(alerted_at)",
    State.MUTED: "attribute_exists(muted_by)",
    State.UNCERTAIN: "uncertain = :true",
    State.REJECTED: "attribute_not_exists(#label)",
    State.UNREVIEWED: "(attribute_exists(#label) AND attribute_not_exists(verified_label))",
    State.REVIEWED: "attribute_exists(verified_label)",
    State.CORRECTED: "(attribute_exists(verified_label) AND verified_label <> #label)",
}
_EARLIEST, _LATEST = "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"


def label_bucket(label: Label | None, clip_id: str, buckets: int) -> str:
    """Where a result is in the index of labels.

    Args:
        label: of the classification; None for a rejected clip.
        clip_id: of the result.
        buckets: of each label. With more of them than before, earlier results stay where they are.
    """
    return f"{label or REJECTED}#{zlib.crc32(clip_id.encode()) % buckets}"


def position_of(key: dict[str, Any], time: str) -> Position:
    """Position of an index key whose time is in the attribute `time`."""
    return Position(parse_time(key[time]["S"]), key["clip_id"]["S"])


def time_range(query: ResultQuery) -> tuple[str, str]:
    """First and last time of classification of a query as they are stored, both inclusive."""
    first = format_time(query.start) if query.start else _EARLIEST
    end = query.classified_before
    if end is None:
        return first, _LATEST
    if format_time(end) <= _EARLIEST:
        return first, ""
    return first, format_time(end - timedelta(milliseconds=1))


def in_span(row: dict[str, Any], query: ResultQuery) -> bool:
    """Whether a row of an index, which was classified in `time_range`, is of the query's span."""
    return query.spans(row_time(row, query))


def row_time(row: dict[str, Any], query: ResultQuery) -> datetime:
    """The time of a row that a query is about."""
    recorded = row.get("recorded_at", {}).get("S")
    classified = parse_time(row["timestamp"]["S"])
    return query.time_of(parse_time(recorded) if recorded else None, classified)


def partitions_of(query: ResultQuery, buckets: int) -> list[str]:
    """Values of the index's key that the results of a query lie under."""
    # A source narrows more than a label, which most results share.
    if query.source is not None:
        return [query.source]
    labels = (query.label,) if query.label is not None else (*LABELS, REJECTED)
    return [f"{label}#{bucket}" for label in labels for bucket in range(buckets)]


def query_request(table: str, query: ResultQuery) -> dict[str, Any]:
    """Request for DynamoDB, without the partition."""
    first, last = time_range(query)
    by_source = query.source is not None
    names = {"#partition": "source" if by_source else LABEL_BUCKET, "#time": "timestamp"}
    values: dict[str, Any] = {":first": {"S": first}, ":last": {"S": last}}
    filters = []
    if query.label is not None and by_source:
        names["#label"] = "label"
        values[":label"] = {"S": query.label}
        filters.append("#label = :label")
    if query.min_confidence is not None:
        # Results have four decimals; DynamoDB takes no numbers as small as a float may be.
        values[":confidence"] = {"N": f"{query.min_confidence:.6f}"}
        filters.append("confidence >= :confidence")
    for state in sorted(query.states):
        condition = _CONDITIONS[state]
        filters.append(condition)
        if "#label" in condition:
            names["#label"] = "label"
        if ":casual" in condition:
            values[":casual"] = {"S": str(Label.CASUAL)}
        if ":true" in condition:
            values[":true"] = {"BOOL": True}
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": "source-time-index" if by_source else "label-time-index",
        "KeyConditionExpression": "#partition = :partition AND #time BETWEEN :first AND :last",
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": False,
    }
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    return request
