"""Bindings of clients to sources in DynamoDB."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earshot.access.sources import Binding
from earshot.aws.errors import unavailable_on_failure
from earshot.times import format_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class ClientBindings:
    """One row a client. Every method raises `UnavailableError` where DynamoDB fails.

    Args:
        dynamodb: client.
        name: of the table.
    """

    def __init__(self, dynamodb: DynamoDBClient, name: str) -> None:
        self._dynamodb = dynamodb
        self._name = name

    def get(self, client_id: str) -> Binding | None:
        """Binding of a client as it is now, so that a revocation holds at once; None without."""
        with unavailable_on_failure("The table of clients"):
            answer = self._dynamodb.get_item(
                TableName=self._name, Key={"client_id": {"S": client_id}}, ConsistentRead=True
            )
        return _from_item(answer["Item"]) if "Item" in answer else None

    def all(self) -> list[Binding]:
        """All bindings, by client id."""
        with unavailable_on_failure("The table of clients"):
            pages = self._dynamodb.get_paginator("scan").paginate(TableName=self._name)
            found = [_from_item(item) for page in pages for item in page["Items"]]
        return sorted(found, key=lambda binding: binding.client_id)

    def put(self, binding: Binding) -> None:
        """Bind a client, in place of what it was bound to."""
        with unavailable_on_failure("The table of clients"):
            self._dynamodb.put_item(
                TableName=self._name,
                Item={
                    "client_id": {"S": binding.client_id},
                    "sources": {"L": [{"S": source} for source in binding.sources]},
                    "bound_by": {"S": binding.bound_by},
                    "bound_at": {"S": format_time(binding.bound_at)},
                },
            )

    def delete(self, client_id: str) -> bool:
        """Remove a client's binding; False if it had none."""
        with unavailable_on_failure("The table of clients"):
            answer = self._dynamodb.delete_item(
                TableName=self._name,
                Key={"client_id": {"S": client_id}},
                ReturnValues="ALL_OLD",
            )
        return "Attributes" in answer


def _from_item(item: dict[str, Any]) -> Binding:
    return Binding(
        item["client_id"]["S"],
        tuple(source["S"] for source in item["sources"]["L"]),
        item["bound_by"]["S"],
        parse_time(item["bound_at"]["S"]),
    )
