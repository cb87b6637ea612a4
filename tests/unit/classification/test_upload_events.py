"""Uploads are found in S3's events, however these are wrapped; other messages are refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earshot.uploads.objects import Location, Upload
from earshot_classify.upload_events import UnknownMessageError, announced_uploads

# Shapes: Amazon S3 User Guide, "Event message structure" and "Using EventBridge"; Amazon SNS
# Developer Guide, "Fanout to Amazon SQS queues".
OBJECT = {"key": "incoming/gate/a+b%2B1.wav", "size": 9, "eTag": "e1", "versionId": "v1"}
S3 = {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": {"name": "clips"}, "object": OBJECT}}]}
BRIDGED = {
    "version": "0",
    "detail-type": "Object Created",
    "source": "aws.s3",
    "detail": {
        "bucket": {"name": "clips"},
        "object": {"key": "incoming/gate/a b+1.wav", "size": 9, "etag": "e1", "version-id": "v1"},
    },
}
UPLOAD = Upload(Location("clips", "incoming/gate/a b+1.wav", "v1"), "v1", 9)


def through_sns(message: dict[str, Any]) -> dict[str, Any]:
    topic = "arn:aws:sns:eu-central-1:123456789012:uploads"
    return {"Type": "Notification", "TopicArn": topic, "Message": json.dumps(message)}


@pytest.mark.parametrize(
    "message", [S3, BRIDGED, through_sns(S3), through_sns(BRIDGED), through_sns(through_sns(S3))]
)
def test_an_upload_is_found_however_its_event_is_wrapped(message):
    assert announced_uploads(json.dumps(message)) == [UPLOAD]


@pytest.mark.parametrize("wrap", [dict, through_sns])
def test_the_test_event_of_s3_announces_nothing(wrap):
    assert announced_uploads(json.dumps(wrap({"Event": "s3:TestEvent", "Bucket": "clips"}))) == []


@pytest.mark.parametrize(
    "body",
    [
        "hello",
        "",
        "[]",
        "null",
        "{}",
        '{"Records": []}',
        '{"Records": {}}',
        '{"Records": [{"Sns": {"Message": "x"}}]}',
        '{"detail": {}}',
        '{"Type": "Notification", "Message": "hello"}',
        '{"Type": "Notification"}',
        '{"Type": "SubscriptionConfirmation", "Message": "You have chosen to subscribe"}',
        json.dumps(through_sns(through_sns(through_sns(through_sns(S3))))),
        "[" * 100_000,
    ],
)
def test_a_message_of_another_shape_is_refused(body):
    with pytest.raises(UnknownMessageError):
        announced_uploads(body)
