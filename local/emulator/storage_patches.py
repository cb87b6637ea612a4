"""Changes to private members of ministack's tables, buckets and policies; `patches` lists them."""

from __future__ import annotations

import json
import re
from typing import Any

from ministack.core import iam_actions
from ministack.services import dynamodb, s3

# How the results are queried: one partition of an index, and a span of time.
_PARTITION_AND_SPAN = re.compile(r"(#\w+) = (:\w+) AND (#\w+) BETWEEN (:\w+) AND (:\w+)")


def query_quickly() -> None:
    """Compare keys rather than parse the expression anew for each row of an index."""
    evaluate = dynamodb._evaluate_condition

    def evaluate_quickly(
        expression: str,
        item: dict[str, dict[str, str]],
        values: dict[str, dict[str, str]],
        names: dict[str, str],
        slot: str = "ConditionExpression",
    ) -> bool:
        if match := _PARTITION_AND_SPAN.fullmatch(expression or ""):
            try:
                first, last = values[match[4]]["S"], values[match[5]]["S"]
                if first <= last:
                    same = item[names[match[1]]] == values[match[2]]
                    return same and first <= item[names[match[3]]]["S"] <= last
            except KeyError:
                pass  # another type, or something is missing: ministack's own code decides
        found: bool = evaluate(expression, item, values, names, slot)
        return found

    dynamodb._evaluate_condition = evaluate_quickly


def see_batch_projections() -> None:
    """Let policies see which attributes a `BatchGetItem` asks for, as those of `GetItem` are seen.

    AWS documents ``dynamodb:Attributes`` and ``dynamodb:Select`` for both ("Using IAM policy
    conditions for fine-grained access control" in the DynamoDB Developer Guide).
    """
    context_of = iam_actions.dynamodb_service_context

    def context_of_first_table(body: bytes) -> dict[str, Any]:
        request = json.loads(body or b"{}")
        tables = request.get("RequestItems") if isinstance(request, dict) else None
        if isinstance(tables, dict) and len(tables) == 1:
            (only,) = tables.values()
            if isinstance(only, dict):  # a list is that of BatchWriteItem
                body = json.dumps(only).encode()
        found: dict[str, Any] = context_of(body)
        return found

    iam_actions.dynamodb_service_context = context_of_first_table


def see_conditional_writes() -> None:
    """Let policies see whether a write to S3 is conditional: ``s3:if-match``, ``s3:if-none-match``.

    Source: Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets".
    """
    context_of = iam_actions._s3_object_context

    def context_with_conditions(
        iam_action: str, query_params: dict[str, Any], path: str, headers: dict[str, str]
    ) -> dict[str, Any]:
        found: dict[str, Any] = context_of(iam_action, query_params, path, headers)
        if iam_action == "s3:PutObject":
            conditions = ("if-match", "if-none-match")
            found |= {f"s3:{name}": headers[name] for name in conditions if headers.get(name)}
        return found

    iam_actions._s3_object_context = context_with_conditions


def forget_bodies_of_versions() -> None:
    """Let a version's body be on the disk alone, once the object is; it is read from there."""
    persist = s3._persist_object

    def persist_and_forget(bucket: str, key: str, obj: Any) -> None:
        persist(bucket, key, obj)
        if isinstance(obj, dict) and obj.get("body") is None:
            for version in s3._object_versions.get((bucket, key), []):
                if version["version_id"] == (obj.get("version_id") or "null"):
                    version["data"] = None

    s3._persist_object = persist_and_forget
