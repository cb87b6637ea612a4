"""Requests for the indexes of the results table."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from earshot.labels import Label
from earshot.results.item import LISTED, LISTING
from earshot.results.query import Position, ResultQuery
from earshot.results.states import State
from earshot.times import format_time, parse_time

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


def position_of(key: dict[str, Any], time: str) -> Position:
    """Position of an index key whose time is in the attribute `time`."""
    return Position(parse_time(key[time]["S"]), key["clip_id"]["S"])


def time_range(query: ResultQuery) -> tuple[str, str]:
    """First and last time of a query as they are stored, both inclusive."""
    first = format_time(query.start) if query.start else _EARLIEST
    if query.end is None:
        return first, _LATEST
    end = format_time(query.end)
    return first, format_time(query.end - timedelta(milliseconds=1)) if end > _EARLIEST else ""


def query_request(
    table: str, query: ResultQuery, first: str, last: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Request for DynamoDB, and the index key of the partition that it reads."""
    # A source narrows more than a label, which most results share.
    name, value = next(
        (name, value)
        for name, value in (("source", query.source), ("label", query.label), (LISTING, LISTED))
        if value is not None
    )
    names = {"#partition": name, "#time": "timestamp"}
    values: dict[str, Any] = {
        ":partition": {"S": value},
        ":first": {"S": first},
        ":last": {"S": last},
    }
    key = "#partition = :partition AND #time BETWEEN :first AND :last"
    filters = []
    if query.label is not None and name != "label":
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
    index = {"source": "source-time-index", "label": "label-time-index", LISTING: "time-index"}
    request: dict[str, Any] = {
        "TableName": table,
        "IndexName": index[name],
        "KeyConditionExpression": key,
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": False,
    }
    if filters:
        request["FilterExpression"] = " AND ".join(filters)
    return request, {name: {"S": value}}
