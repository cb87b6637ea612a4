"""Results in DynamoDB."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.labels import Label
from earshot.results.index_reader import IndexReader
from earshot.results.index_requests import in_span, partitions_of, position_of, query_request
from earshot.results.item import (
    ALERTED_AT,
    ARCHIVE,
    LISTED,
    LISTING,
    MUTED_BY,
    LabeledRow,
    from_item,
    to_attribute,
    to_item,
)
from earshot.results.query import Page, Position, ResultQuery
from earshot.results.result import Feedback, Result
from earshot.results.row_reader import read_rows
from earshot.results.serialization import feedback_to_json, to_json
from earshot.times import format_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# A page with a filter reads twice as many rows of a partition each time, so that a rare match is
# found soon and a common one is not read in vain; and only so often, so that it ends.
_ROWS_A_READ = 250
_MAX_READS = 8
# Of a page as JSON. Lambda answers with 6 MB, in which quotes and backslashes are doubled.
MAX_PAGE_CHARACTERS = 3_000_000
_ROWS_AT_ONCE = 25  # whole rows, which may have 400 KB each


class ResultsTable:
    """One row a clip. The first result of a clip stands: events are delivered more than once.

    Args:
        dynamodb: client.
        name: of the table.
        ttl_days: days after which DynamoDB deletes a row; 0 keeps rows for ever.
        archive: that the results are of; None for new clips, which may raise alerts.
        buckets: of each label in the index of labels; for those who write and those who find.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        name: str,
        ttl_days: int = 0,
        archive: str | None = None,
        buckets: int = 1,
    ) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._buckets = buckets
        self._ttl = timedelta(days=ttl_days)
        self._marks = {ARCHIVE: to_attribute(archive)} if archive else {}

    def save(self, result: Result, keep_days: int = 0) -> Result:
        """Keep a result unless its clip has one; returns the one that stands.

        Args:
            result: to keep.
            keep_days: days after which it is deleted, if sooner than others; 0 for as others.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        limits = [limit for limit in (self._ttl, timedelta(days=keep_days)) if limit]
        ttl = min(limits, default=timedelta(0))
        with unavailable_on_failure("The results table"):
            try:
                self._dynamodb.put_item(
                    TableName=self._name,
                    Item=to_item(result, ttl, self._buckets) | self._marks,
                    ConditionExpression="attribute_not_exists(clip_id)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                first: Any = error.response  # botocore's type of it has no item
                return from_item(first["Item"])
        return result

    def get(self, clip_id: str) -> Result | None:
        """Result of a clip; None while it has none.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        with unavailable_on_failure("The results table"):
            answer = self._dynamodb.get_item(
                TableName=self._name, Key={"clip_id": {"S": clip_id}}, ConsistentRead=True
            )
        return from_item(answer["Item"]) if "Item" in answer else None

    def delete(self, clip_id: str) -> bool:
        """Delete the result of a clip; False if it has none. Raises `UnavailableError`."""
        with unavailable_on_failure("The results table"):
            answer = self._dynamodb.delete_item(
                TableName=self._name, Key={"clip_id": {"S": clip_id}}, ReturnValues="ALL_OLD"
            )
        return "Attributes" in answer

    def with_result(self, clip_ids: Sequence[str]) -> set[str]:
        """Which of these clips have a result; the latest second may be missing.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        rows = read_rows(self._dynamodb, self._name, clip_ids, {"ProjectionExpression": "clip_id"})
        return {row["clip_id"]["S"] for row in rows}

    def labeled(self, clip_ids: Sequence[str]) -> dict[str, LabeledRow]:
        """Label and location of each of these clips that has a result, as they are now.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        names = LabeledRow.ATTRIBUTES
        projection = {
            "ProjectionExpression": ", ".join(f"#{name}" for name in names),
            "ExpressionAttributeNames": {f"#{name}": name for name in names},
            "ConsistentRead": True,
        }
        return {
            row["clip_id"]["S"]: LabeledRow.from_item(row)
            for row in read_rows(self._dynamodb, self._name, clip_ids, projection)
        }

    def find(
        self, query: ResultQuery, limit: int, after: Position | None = None, *, strict: bool = False
    ) -> Page:
        """At most `limit` results of a query, newest first.

        Args:
            after: end of the page before; None for the first page.
            strict: a row that cannot be read is an error, where lists leave it out.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        request = query_request(self._name, query)
        partitions = partitions_of(query, self._buckets)
        filtered = "FilterExpression" in request or query.classified_before != query.end

        def rows_a_read(n: int) -> int:
            return _ROWS_A_READ << n if filtered else limit + 1

        reader = IndexReader(
            self._dynamodb, request, partitions, after, rows_a_read, _MAX_READS,
            lambda row: in_span(row, query),
        )  # fmt: skip
        rows = list(itertools.islice(reader, limit))
        found, size, last = list[Result](), 0, None
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            whole = self._whole([row["clip_id"]["S"] for row in some], strict=strict)
            for row in some:
                result = whole.get(row["clip_id"]["S"])
                if result is None:  # unreadable, or gone: an index is a little late
                    continue
                size += len(json.dumps(to_json(result)))
                if found and size > MAX_PAGE_CHARACTERS:
                    return Page(found, last)
                found.append(result)
                last = position_of(row, "timestamp")
        return Page(found, reader.end(rows[-1] if len(rows) == limit else None))

    def _whole(self, clip_ids: Sequence[str], *, strict: bool = False) -> dict[str, Result]:
        found = {}
        for row in read_rows(self._dynamodb, self._name, clip_ids, {"ConsistentRead": True}):
            try:
                found[row["clip_id"]["S"]] = from_item(row)
            except (KeyError, TypeError, ValueError):  # alert has named it, with an alarm
                if strict:
                    raise
        return found

    def record_alert(self, clip_id: str, at: datetime) -> None:
        """Record that an alert about a clip was sent, unless its result is gone.

        The first time stands. Raises `UnavailableError`.
        """
        self._record_first(clip_id, ALERTED_AT, format_time(at))

    def record_mutes(self, clip_id: str, muted_by: Mapping[Label, str]) -> None:
        """Record which labels of a clip raise no alert, and the clips that mute them.

        The first record stands, unless the result is gone. Raises `UnavailableError`.
        """
        self._record_first(clip_id, MUTED_BY, {str(k): by for k, by in muted_by.items()})

    def _record_first(self, clip_id: str, name: str, value: Any) -> None:
        # A row that is gone is no error: to raise would send the alert again and again.
        update = f"SET {name} = if_not_exists({name}, :value)"
        values = {":value": to_attribute(value)}
        self._update_if(clip_id, update, "attribute_exists(clip_id)", values)

    def find_alerted(self, limit: int, after: Position | None = None) -> Page:
        """At most `limit` results about which an alert was sent, the latest alert first.

        Args:
            after: end of the page before, with the time of its alert; None for the first page.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        request: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": "alert-time-index",
            "KeyConditionExpression": f"{LISTING} = :all",
            "ExpressionAttributeValues": {":all": {"S": LISTED}},
            "ScanIndexForward": False,
            "Limit": limit,
        }
        if after:
            request["ExclusiveStartKey"] = {
                LISTING: {"S": LISTED},
                ALERTED_AT: {"S": format_time(after.time)},
                "clip_id": {"S": after.clip_id},
            }
        with unavailable_on_failure("The results table"):
            answer = self._dynamodb.query(**request)
        stop = answer.get("LastEvaluatedKey")
        whole = self._whole(clip_ids := [item["clip_id"]["S"] for item in answer["Items"]])
        found = [whole[one] for one in clip_ids if one in whole]
        return Page(found, position_of(stop, ALERTED_AT) if stop else None)

    def add_feedback(self, clip_id: str, feedback: Feedback, n_before: int) -> bool:
        """Add feedback to a result and set its `verified_label`.

        Returns False, and changes nothing, unless the result has `n_before` feedback already.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        condition = "size(feedback) = :n" if n_before else "attribute_not_exists(feedback)"
        values = {
            ":new": to_attribute([feedback_to_json(feedback)]),
            ":none": to_attribute([]),
            ":label": to_attribute(str(feedback.label)),
        }
        if n_before:
            values[":n"] = to_attribute(n_before)
        update = (
            "SET feedback = list_append(if_not_exists(feedback, :none), :new), "
            "verified_label = :label"
        )
        return self._update_if(
            clip_id, update, f"attribute_exists(clip_id) AND {condition}", values
        )

    def remove_last_feedback(self, clip_id: str, history: Sequence[Feedback]) -> bool:
        """Remove the last feedback of a result, whose `verified_label` is that of the one before.

        Returns False, and changes nothing, unless `history` is all the feedback that there is.

        Raises:
            UnavailableError: DynamoDB failed.
        """
        values = {":all": to_attribute([feedback_to_json(one) for one in history])}
        update = "REMOVE feedback, verified_label"
        if len(history) > 1:
            update = f"REMOVE feedback[{len(history) - 1}] SET verified_label = :label"
            values[":label"] = to_attribute(str(history[-2].label))
        return self._update_if(clip_id, update, "feedback = :all", values)

    def _update_if(self, clip_id: str, update: str, condition: str, values: Any) -> bool:
        with unavailable_on_failure("The results table"):
            try:
                self._dynamodb.update_item(
                    TableName=self._name,
                    Key={"clip_id": {"S": clip_id}},
                    UpdateExpression=update,
                    ConditionExpression=condition,
                    ExpressionAttributeValues=values,
                )
            except ClientError as error:
                if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                    return False
                raise
        return True
