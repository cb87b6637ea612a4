"""Rows of many clips in the results table, by their ids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from earshot.aws.errors import unavailable_on_failure

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEYS_A_READ = 100  # of BatchGetItem (Amazon DynamoDB API Reference)


def read_rows(
    dynamodb: DynamoDBClient, table: str, clip_ids: Sequence[str], options: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Those rows that there are, in no order.

    Args:
        options: of BatchGetItem for the table, such as its `ProjectionExpression`.

    Raises:
        UnavailableError: DynamoDB failed.
    """
    for start in range(0, len(clip_ids), _KEYS_A_READ):
        keys: Any = [{"clip_id": {"S": c}} for c in clip_ids[start : start + _KEYS_A_READ]]
        while keys:
            request: Any = {table: {"Keys": keys, **options}}
            with unavailable_on_failure("The results table"):
                answer = dynamodb.batch_get_item(RequestItems=request)
            yield from answer["Responses"][table]
            left: Any = answer.get("UnprocessedKeys", {})
            keys = left[table]["Keys"] if left else []
