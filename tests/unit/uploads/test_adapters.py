"""The adapters against moto's S3 and DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from earshot.errors import RejectedClipError, UnavailableError
from earshot.results.item import from_item
from earshot.results.table import ResultsTable
from earshot.uploads.clip_store import S3ClipStore
from earshot.uploads.objects import Location, Upload
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON, classified, rejected

BUCKET = "clips"


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = moto_client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def dynamodb() -> Iterator[Any]:
    with mock_aws():
        client = moto_client("dynamodb")
        client.create_table(
            TableName="results",
            KeySchema=[{"AttributeName": "clip_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "clip_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield client


def put(s3: Any, content: bytes, key: str = "incoming/a.wav") -> Upload:
    version = s3.put_object(Bucket=BUCKET, Key=key, Body=content)["VersionId"]
    return Upload(Location(BUCKET, key, version), version, len(content))


def test_a_clip_is_read_as_the_version_that_its_event_named(s3):
    first = put(s3, b"first")
    put(s3, b"second")
    with S3ClipStore(s3).open(first) as stored:
        assert stored.content.read() == b"first"


def test_a_bucket_without_versions_is_read_too(s3):
    put(s3, b"content")
    location = Location(BUCKET, "incoming/a.wav")
    etag = s3.head_object(Bucket=BUCKET, Key=location.key)["ETag"].strip('"')
    with S3ClipStore(s3).open(Upload(location, etag, 7)) as stored:
        assert stored.content.read() == b"content"
    put(s3, b"another")
    with (
        pytest.raises(RejectedClipError, match="overwritten"),
        S3ClipStore(s3).open(Upload(location, etag, 7)),
    ):
        pass


def test_a_deleted_clip_is_rejected_and_not_retried_for_ever(s3):
    upload = put(s3, b"content")
    s3.delete_object(Bucket=BUCKET, Key=upload.location.key, VersionId=upload.version)
    with pytest.raises(RejectedClipError, match="deleted"), S3ClipStore(s3).open(upload):
        pass


def test_a_clip_over_100_megabytes_is_rejected_without_being_read(s3):
    upload = Upload(Location(BUCKET, "incoming/never-uploaded.wav"), "v", 100_000_001)
    with pytest.raises(RejectedClipError, match="100000001 bytes"), S3ClipStore(s3).open(upload):
        pass


def test_a_failing_bucket_is_a_transient_fault():
    client = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", "SlowDown", http_status_code=503)
        upload = Upload(Location(BUCKET, "incoming/a.wav", "v"), "v", 7)
        with pytest.raises(UnavailableError, match="bucket"), S3ClipStore(client).open(upload):
            pass


def test_what_a_caller_raises_while_it_reads_a_clip_is_not_taken_for_a_failing_bucket(s3):
    failure = EndpointConnectionError(endpoint_url="of another service")
    with (
        pytest.raises(EndpointConnectionError),
        S3ClipStore(s3).open(put(s3, b"content")),
    ):
        raise failure


RESULT = classified("c1", confidence=0.91)


@pytest.mark.parametrize("result", [RESULT, rejected("c2")])
def test_a_result_comes_back_from_the_table_as_it_was_saved(dynamodb, result):
    assert ResultsTable(dynamodb, "results").save(result) == result
    (item,) = dynamodb.scan(TableName="results")["Items"]
    assert from_item(item) == result


def test_the_first_result_of_a_clip_stands_and_is_handed_back(dynamodb):
    table = ResultsTable(dynamodb, "results")
    table.save(RESULT)
    again = table.save(classified("c1", timestamp=NOON + timedelta(days=1), confidence=0.1))
    assert again == RESULT
    assert dynamodb.scan(TableName="results")["Count"] == 1


def test_a_result_expires_after_its_days_and_otherwise_never(dynamodb):
    ResultsTable(dynamodb, "results", ttl_days=1).save(RESULT)
    (item,) = dynamodb.scan(TableName="results")["Items"]
    assert item["expires_at"] == {"N": "1769947200"}  # 2026-02-01T12:00:00Z, by `date -d`
    ResultsTable(dynamodb, "results").save(classified("c2"))
    kept = dynamodb.get_item(TableName="results", Key={"clip_id": {"S": "c2"}})["Item"]
    assert "expires_at" not in kept


@pytest.mark.parametrize(
    ("ttl_days", "keep_days", "expires_at"),
    [
        (0, 1, "1769947200"),  # 2026-02-01T12:00:00Z, by `date -d`
        (30, 1, "1769947200"),
        (1, 30, "1769947200"),
    ],
)
def test_a_result_of_a_source_with_days_of_its_own_expires_by_the_fewer(
    dynamodb, ttl_days, keep_days, expires_at
):
    ResultsTable(dynamodb, "results", ttl_days).save(RESULT, keep_days)
    (item,) = dynamodb.scan(TableName="results")["Items"]
    assert item["expires_at"] == {"N": expires_at}


def test_a_failing_table_is_a_transient_fault(dynamodb):
    with pytest.raises(UnavailableError, match="results table"):
        ResultsTable(dynamodb, "no-such-table").save(RESULT)


def test_an_upload_is_tagged_in_the_version_that_was_classified(s3):
    first, second = put(s3, b"first"), put(s3, b"second")
    S3ClipStore(s3).tag(first, {"label": "casual"})

    def tags(upload: Upload) -> list[dict[str, str]]:
        location = upload.location
        return s3.get_object_tagging(
            Bucket=location.bucket, Key=location.key, VersionId=location.version_id
        )["TagSet"]

    assert tags(first) == [{"Key": "label", "Value": "casual"}]
    assert tags(second) == []
    s3.delete_object(Bucket=BUCKET, Key=first.location.key, VersionId=first.location.version_id)
    S3ClipStore(s3).tag(first, {"label": "casual"})  # of no consequence: it is gone
