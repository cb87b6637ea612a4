"""classify's image against the same handler on the local stack."""

from __future__ import annotations

import base64
import copy
import json
import time
from collections.abc import Callable
from typing import Any

from earshot.results.item import from_item
from earshot.results.serialization import to_json
from earshot.uploads.objects import UPLOADS_PREFIX, object_clip_id
from local.images.container import Container, serving
from local.images.engine import Engine
from local.images.trial import Outside, differences, sample_event
from local.settings import LocalStackError

# The image writes to a table of its own, of which no alert is sent: in the stack's, the first
# result of a clip stands.
RESULTS_TABLE = "image-test-results"
KEY = f"{UPLOADS_PREFIX}image-test/siren.wav"
_PATIENCE_S = 120
_POLL_S = 0.2
_TIMES = frozenset({"timestamp", "alerted_at"})


def try_classify(
    engine: Engine, image: str, outside: Outside, say: Callable[[str], None]
) -> list[str]:
    """Post the sample events to the image; returns where its answers differ from the stack's.

    Raises:
        FunctionFailedError: the image's handler raised.
        LocalStackError: the stack's did, or did not classify the upload.
    """
    _make_table(outside)
    environment = outside.environment("ClassifyFunctionName", engine.address_of_this_machine(image))
    environment["RESULTS_TABLE"] = RESULTS_TABLE
    memory_mb = outside.memory_mb("ClassifyFunctionName")
    found: list[str] = []
    with serving(engine, image, memory_mb, environment) as container:
        for name, event in _posted().items():
            answer = container.invoke(event)
            expected = outside.invoke("ClassifyFunctionName", event)
            found += [f"{name}{at}" for at in _differences(answer, expected)]
            say(f"{name}: {_in_short(answer)}")
        answer = container.invoke(sample_event("s3_test_event_through_sqs"))
        found += differences(answer, {"batchItemFailures": []}, frozenset(), "s3_test_event")
        of_image, of_stack = _classify_upload(container, outside)
        found += differences(of_image, of_stack, _TIMES, "s3_upload_through_sqs")
        say(f"s3_upload_through_sqs: {of_image['label']}, {of_image['confidence']}")
    return found


def _posted() -> dict[str, dict[str, Any]]:
    raw = sample_event("predict_raw")
    no_wav = copy.deepcopy(raw)
    no_wav["body"] = base64.b64encode(b"no WAV at all").decode()
    no_wav["requestContext"]["requestId"] = "no-wav"
    return {
        "predict_raw": raw,
        "predict_multipart": sample_event("predict_multipart"),
        "a body that is no WAV": no_wav,
    }


def _differences(answer: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    pair = [{**each, "body": json.loads(each["body"])} for each in (answer, expected)]
    return list(differences(pair[0], pair[1], _TIMES))


def _in_short(answer: dict[str, Any]) -> str:
    body = json.loads(answer["body"])
    outcome = body.get("label") or body.get("reason", {}).get("code") or body.get("title")
    return f"{answer['statusCode']} {outcome}"


def _classify_upload(container: Container, outside: Outside) -> tuple[Any, Any]:
    """Results that the image and the stack write of one upload.

    The stack gets it through its bucket's notification and its queue, the image through the
    sample event.
    """
    bucket, content = outside.outputs["UploadsBucketName"], recording()
    put = outside.client("s3").put_object(Bucket=bucket, Key=KEY, Body=content)
    event = sample_event("s3_upload_through_sqs")
    message = json.loads(event["Records"][0]["body"])
    s3 = message["Records"][0]["s3"]
    s3["bucket"]["name"] = bucket
    s3["object"] |= {
        "key": KEY,
        "size": len(content),
        "eTag": put["ETag"].strip('"'),
        "versionId": put["VersionId"],
    }
    event["Records"][0]["body"] = json.dumps(message)
    failures = container.invoke(event)["batchItemFailures"]
    if failures:
        raise LocalStackError(f"The image did not classify the upload.\n{container.logs()}")
    clip_id = object_clip_id(bucket, KEY, put["VersionId"])
    return (
        _result(outside, RESULTS_TABLE, clip_id),
        _result(outside, outside.outputs["ResultsTableName"], clip_id),
    )


def recording() -> bytes:
    """The recording in the sample events: a siren."""
    return base64.b64decode(sample_event("predict_raw")["body"])


def _result(outside: Outside, table: str, clip_id: str) -> Any:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        row = outside.client("dynamodb").get_item(
            TableName=table, Key={"clip_id": {"S": clip_id}}, ConsistentRead=True
        )
        if "Item" in row:
            return to_json(from_item(row["Item"]))
        time.sleep(_POLL_S)
    raise LocalStackError(f"The upload has no result in {table} after {_PATIENCE_S} s.")


def _make_table(outside: Outside) -> None:
    outside.client("dynamodb").create_table(
        TableName=RESULTS_TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "clip_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "clip_id", "KeyType": "HASH"}],
    )
