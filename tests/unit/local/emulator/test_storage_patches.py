"""Changes to the emulator's tables, buckets and policies do what they are for.

`test_patches` has a test for each that fails once it is not needed any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from ministack.core import iam_actions
from ministack.services import dynamodb, s3

from local.emulator import storage_patches as patches

KEY_CONDITION = "#partition = :partition AND #time BETWEEN :first AND :last"
NAMES = {"#partition": "label", "#time": "timestamp"}
VALUES = {
    ":partition": {"S": "siren"},
    ":first": {"S": "2026-01-01"},
    ":last": {"S": "2026-02-15"},
}
ROW = {"label": {"S": "siren"}, "timestamp": {"S": "2026-02-01"}}


def evaluate(values: dict[str, Any], item: dict[str, Any]) -> Any:
    """Whether the condition holds of a row, or the error that it raises."""
    try:
        return dynamodb._evaluate_condition(
            KEY_CONDITION, item, values, NAMES, "KeyConditionExpression"
        )
    except ValueError as error:
        return str(error)


ONLY_NEW = {"if-none-match": "*"}
BATCH = b"""{"RequestItems": {"results": {
    "Keys": [{"clip_id": {"S": "a"}}], "ProjectionExpression": "clip_id"}}}"""


def body_in_memory(monkeypatch: pytest.MonkeyPatch, folder: Path) -> bytes | None:
    """Body of an object's version that the emulator has in memory once it is on the disk."""
    version: dict[str, Any] = {"version_id": "v1", "data": b"body"}
    monkeypatch.setattr(s3, "DATA_DIR", str(folder))
    monkeypatch.setattr(s3, "_object_versions", {("bucket", "key"): [version]})
    s3._persist_object("bucket", "key", {"body": b"body", "version_id": "v1"})
    return cast(bytes | None, version["data"])


def test_a_version_that_is_on_the_disk_is_not_in_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(s3, "_persist_object", s3._persist_object)
    monkeypatch.setattr(s3, "S3_PERSIST", True)
    patches.forget_bodies_of_versions()
    assert body_in_memory(monkeypatch, tmp_path) is None
    version = {"version_id": "v1", "data": None}
    current = {"objects": {"key": {"body": None, "version_id": "v1"}}}
    assert s3._version_body(current, "bucket", "key", version) == b"body"


@pytest.mark.parametrize("first", ["2026-01-01", "2026-02-01", "2026-03-01"])
@pytest.mark.parametrize(
    "item",
    [
        ROW,
        {"label": {"S": "casual"}, "timestamp": {"S": "2026-02-01"}},
        {"label": {"S": "siren"}, "timestamp": {"N": "2026"}},
        {"label": {"S": "siren"}},
    ],
)
def test_a_quick_query_finds_what_a_slow_one_finds(
    monkeypatch: pytest.MonkeyPatch, item: dict[str, Any], first: str
) -> None:
    values = VALUES | {":first": {"S": first}}
    slow = evaluate(values, item)
    monkeypatch.setattr(dynamodb, "_evaluate_condition", dynamodb._evaluate_condition)
    patches.query_quickly()
    assert evaluate(values, item) == slow


def test_policies_see_what_a_batch_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = iam_actions.dynamodb_service_context
    monkeypatch.setattr(iam_actions, "dynamodb_service_context", plain)
    patches.see_batch_projections()
    assert iam_actions.dynamodb_service_context(BATCH) == {
        "dynamodb:Attributes": ["clip_id"],
        "dynamodb:Select": "SPECIFIC_ATTRIBUTES",
    }
    whole_rows = BATCH.replace(b"ProjectionExpression", b"ConsistentRead")
    assert iam_actions.dynamodb_service_context(whole_rows) == plain(b"{}")
    for other in (b"", b"[]", b'{"TableName": "results"}'):
        assert iam_actions.dynamodb_service_context(other) == plain(other)


def test_policies_see_that_a_write_is_conditional(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = iam_actions._s3_object_context
    monkeypatch.setattr(iam_actions, "_s3_object_context", plain)
    patches.see_conditional_writes()
    see = iam_actions._s3_object_context
    assert see("s3:PutObject", {}, "/b/k", ONLY_NEW) == {"s3:if-none-match": "*"}
    assert see("s3:PutObject", {}, "/b/k", {"if-match": '"e"'}) == {"s3:if-match": '"e"'}
    assert see("s3:PutObject", {}, "/b/k", {}) == {}
