"""An upload whose message was lost is classified after a sweep, on the local stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from local.sweep import sweep
from tests.integration.uploads.test_main_job import result, upload
from tests.stack import LocalStack, queue_runs_empty

EVERYTHING = {"min_age_minutes": 0.0, "max_age_hours": 1.0}


@pytest.fixture
def unannounced(local_stack: LocalStack) -> Iterator[None]:
    """The bucket announces nothing: the message of each upload is lost."""
    s3, bucket = local_stack.client("s3"), local_stack.outputs["UploadsBucketName"]
    kept = s3.get_bucket_notification_configuration(Bucket=bucket)
    kept.pop("ResponseMetadata")
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    yield
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=kept)


def rows(stack: LocalStack, key: str) -> int:
    return stack.client("dynamodb").scan(
        TableName=stack.outputs["ResultsTableName"],
        FilterExpression="#key = :key",
        ExpressionAttributeNames={"#key": "key"},
        ExpressionAttributeValues={":key": {"S": key}},
    )["Count"]


@pytest.mark.usefixtures("unannounced")
def test_a_lost_upload_is_classified_after_a_sweep_and_nothing_is_doubled(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    keys = ["incoming/lost/north gate + Ü.wav", "incoming/lost/b.wav"]
    clips = [upload(local_stack, key, siren_wav) for key in keys]
    assert queue_runs_empty(local_stack)
    assert [rows(local_stack, key) for key in keys] == [0, 0]

    first = sweep(local_stack.outputs, EVERYTHING)
    assert set(first["keys"]) == set(keys)
    # Again at once, while the messages of the first may still wait.
    sweep(local_stack.outputs, EVERYTHING)
    found = [result(local_stack, clip_id) for clip_id in clips]
    assert [(r["status"], r["key"]) for r in found] == [("classified", key) for key in keys]
    assert queue_runs_empty(local_stack)
    assert [rows(local_stack, key) for key in keys] == [1, 1]

    assert sweep(local_stack.outputs, EVERYTHING)["without_result"] == 0
