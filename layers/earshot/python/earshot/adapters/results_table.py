"""Results in DynamoDB."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from earshot.adapters.errors import unavailable_on_failure
from earshot.service import Result

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ResultsTable:
    """One row a clip. The first result of a clip stands: events are delivered more than once.

    Args:
        dynamodb: client.
        name: of the table.
        ttl_days: days after which DynamoDB deletes a row; 0 keeps rows for ever.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str, ttl_days: int = 0) -> None:
        self._dynamodb = dynamodb
        self._name = name
        self._ttl = timedelta(days=ttl_days)

    def save(self, result: Result) -> Result:
        """See `earshot.service.ResultStore.save`."""
        with unavailable_on_failure("The results table"):
            try:
                self._dynamodb.put_item(
                    TableName=self._name,
                    Item=self._to_item(result),
                    ConditionExpression="attribute_not_exists(clip_id)",
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                )
            except ClientError as error:
                if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                    raise
                return from_item(cast(dict[str, Any], error.response)["Item"])
        return result

    def _to_item(self, result: Result) -> dict[str, Any]:
        item = dict(result)
        if self._ttl:
            expiry = datetime.fromisoformat(result["timestamp"]) + self._ttl
            item["expires_at"] = int(expiry.timestamp())
        serialize = TypeSerializer().serialize
        return {name: serialize(_with_decimals(value)) for name, value in item.items()}


def from_item(item: dict[str, Any]) -> Result:
    """Result of a DynamoDB item, without what only the table needs."""
    deserialize = TypeDeserializer().deserialize
    result = {name: _with_floats(deserialize(value)) for name, value in item.items()}
    result.pop("expires_at", None)
    return result


def _with_decimals(value: Any) -> Any:
    """DynamoDB takes no floats (boto3 #665): decimals with the float's shortest digits."""
    if isinstance(value, float):
        return Decimal(str(value))
    if isinstance(value, dict):
        return {name: _with_decimals(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_decimals(member) for member in value]
    return value


def _with_floats(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {name: _with_floats(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_with_floats(member) for member in value]
    return value
