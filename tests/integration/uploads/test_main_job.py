"""The main job on the local stack: what is uploaded or posted ends up in the table."""

from __future__ import annotations

import base64
import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.results.item import from_item
from earshot.results.serialization import to_json
from earshot.uploads.objects import object_clip_id
from tests.clips import wav
from tests.stack import PATIENCE_S, LocalStack, messages, queue_runs_empty, wait_for


def upload(stack: LocalStack, key: str, content: bytes) -> str:
    """Put an object; returns the clip id of its result to be."""
    bucket = stack.outputs["UploadsBucketName"]
    answer = stack.client("s3").put_object(Bucket=bucket, Key=key, Body=content)
    return object_clip_id(bucket, key, answer["VersionId"])


def result(stack: LocalStack, clip_id: str) -> dict[str, Any]:
    """Result of a clip, as soon as it is in the table."""
    dynamodb, table = stack.client("dynamodb"), stack.outputs["ResultsTableName"]

    def item() -> dict[str, Any] | None:
        answer = dynamodb.get_item(TableName=table, Key={"clip_id": {"S": clip_id}})
        return answer.get("Item")

    return to_json(from_item(wait_for(item)))


def curl(token: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    """Status and JSON body of a curl call."""
    authorization = f"Authorization: Bearer {token}"
    done = subprocess.run(
        [
            "curl",
            "--silent",
            "--header",
            authorization,
            "--noproxy",
            "*",
            "--write-out",
            "\n%{http_code}",
            *arguments,
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    )
    body, _, status = done.stdout.rpartition("\n")
    return int(status), json.loads(body)


@pytest.mark.parametrize(
    "key",
    [
        "incoming/plain.wav",
        "incoming/with spaces and + plus.wav",
        "incoming/north gate/Überfall 100%_ñ_音.wav",
        "incoming/UPPER.WAV",
        "incoming/no-extension",
    ],
)
def test_an_upload_is_classified_whatever_its_key(local_stack, siren_wav, key):
    found = result(local_stack, upload(local_stack, key, siren_wav))
    assert (found["label"], found["class_id"], found["status"]) == ("siren", 3, "classified")
    assert found["key"] == key
    assert found["model_version"] == "v1"
    assert found["duration_s"] == pytest.approx(3.0, abs=0.01)
    assert sum(found["probabilities"].values()) == pytest.approx(1, abs=0.001)


def test_a_result_is_found_by_label_and_by_source(local_stack, siren_wav):
    clip_id = upload(local_stack, "incoming/west gate/a.wav", siren_wav)
    result(local_stack, clip_id)
    for index, field, value in (
        ("label-time-index", "label_bucket", "siren#0"),
        ("source-time-index", "source", "west gate"),
    ):
        answer = local_stack.client("dynamodb").query(
            TableName=local_stack.outputs["ResultsTableName"],
            IndexName=index,
            KeyConditionExpression="#field = :value AND #time > :start",
            ExpressionAttributeNames={"#field": field, "#time": "timestamp"},
            ExpressionAttributeValues={":value": {"S": value}, ":start": {"S": "2020"}},
        )
        assert clip_id in {item["clip_id"]["S"] for item in answer["Items"]}


def test_a_text_file_becomes_a_rejection_with_a_reason_and_leaves_the_queue(local_stack):
    text = b"Dear diary, this is no recording."
    found = result(local_stack, upload(local_stack, "incoming/diary.wav", text))
    assert found["status"] == "rejected"
    assert found["reason"]["code"] == "not_audio"
    assert "Accepted is WAV" in found["reason"]["detail"]
    assert queue_runs_empty(local_stack)
    assert messages(local_stack, "UploadsDeadLetterQueueUrl") == 0


def test_an_upload_that_is_overwritten_has_a_result_for_each_version(local_stack, siren_wav):
    first = upload(local_stack, "incoming/latest.wav", siren_wav)
    second = upload(local_stack, "incoming/latest.wav", b"not audio")
    assert result(local_stack, first)["status"] == "classified"
    assert result(local_stack, second)["status"] == "rejected"


def test_an_event_that_is_delivered_twice_gives_one_row(local_stack, siren_wav):
    key = "incoming/twice.wav"
    clip_id = upload(local_stack, key, siren_wav)
    first = result(local_stack, clip_id)
    bucket = local_stack.outputs["UploadsBucketName"]
    head = local_stack.client("s3").head_object(Bucket=bucket, Key=key)
    s3_object = {
        "key": key,
        "size": head["ContentLength"],
        "eTag": head["ETag"].strip('"'),
        "versionId": head["VersionId"],
    }
    event = {"Records": [{"s3": {"bucket": {"name": bucket}, "object": s3_object}}]}
    local_stack.client("sqs").send_message(
        QueueUrl=local_stack.outputs["UploadsQueueUrl"], MessageBody=json.dumps(event)
    )
    assert queue_runs_empty(local_stack)
    items = local_stack.client("dynamodb").scan(
        TableName=local_stack.outputs["ResultsTableName"],
        FilterExpression="#key = :key",
        ExpressionAttributeNames={"#key": "key"},
        ExpressionAttributeValues={":key": {"S": key}},
    )["Items"]
    assert [to_json(from_item(item)) for item in items] == [first]


def test_curl_posts_a_form_and_the_answer_is_what_the_table_keeps(
    local_stack, siren_wav, tmp_path: Path
):
    clip = tmp_path / "clip.wav"
    clip.write_bytes(siren_wav)
    api_url = local_stack.outputs["ApiUrl"]
    status, body = curl(
        local_stack.token("predict"),
        "-F",
        f"file=@{clip}",
        "-F",
        "source=gate",
        f"{api_url}/predict",
    )
    assert status == 200
    assert {"class_id", "label", "confidence", "model_version", "timestamp"} <= body.keys()
    assert (body["label"], body["source"]) == ("siren", "gate")
    kept = result(local_stack, body["clip_id"])
    kept.pop("alerted_at", None)  # its alert may have been sent since
    assert kept == body


def test_curl_posts_a_raw_body(local_stack, siren_wav, tmp_path: Path):
    clip = tmp_path / "clip.wav"
    clip.write_bytes(siren_wav)
    status, body = curl(
        local_stack.token("predict"), "--data-binary", f"@{clip}", "-H", "Content-Type: audio/wav",
        local_stack.outputs["ApiUrl"] + "/predict",
    )  # fmt: skip
    assert (status, body["label"]) == (200, "siren")


def test_a_posted_text_file_is_a_422_and_a_recorded_rejection(local_stack, tmp_path: Path):
    clip = tmp_path / "clip.wav"
    clip.write_bytes(b"Dear diary")
    url = local_stack.outputs["ApiUrl"] + "/predict"
    status, body = curl(
        local_stack.token("predict"), "-F", f"file=@{clip}", "-F", "source=diarist", url
    )
    assert (status, body["code"]) == (422, "not_audio")
    answer = local_stack.client("dynamodb").query(
        TableName=local_stack.outputs["ResultsTableName"],
        IndexName="source-time-index",
        KeyConditionExpression="#source = :source",
        ExpressionAttributeNames={"#source": "source"},
        ExpressionAttributeValues={":source": {"S": "diarist"}},
    )
    assert [item["status"]["S"] for item in answer["Items"]] == ["rejected"]


@pytest.mark.long
def test_a_clip_of_an_hour_is_classified_whole(local_stack):
    rng = np.random.default_rng(0)
    hour = 0.01 * rng.standard_normal(3600 * SAMPLE_RATE).astype(np.float32)
    clip_id = upload(local_stack, "incoming/hour.wav", wav(hour, "PCM_U8"))
    assert result(local_stack, clip_id)["duration_s"] == pytest.approx(3600)


@pytest.mark.long
def test_odd_wavs_are_classified_or_rejected_as_their_notes_say(local_stack, wav_zoo: Path):
    """`NOTES.csv` was written from the formats' specifications, without this software."""
    with (wav_zoo / "NOTES.csv").open(newline="") as file:
        notes = {row["file"]: row["expected"] for row in csv.DictReader(file)}
    clip_ids = {
        name: upload(local_stack, f"incoming/zoo/{name}", (wav_zoo / name).read_bytes())
        for name in notes
    }
    wrong = {}
    for name, expected in notes.items():
        found = result(local_stack, clip_ids[name])
        should_reject = expected == "reject"
        if (found["status"] == "rejected") != should_reject and expected != "reject or casual":
            wrong[name] = found
    assert wrong == {}
    assert queue_runs_empty(local_stack)
    assert messages(local_stack, "UploadsDeadLetterQueueUrl") == 0


def test_sample_events_are_answered_by_the_function_itself(local_stack):
    """The samples of ``events/`` go to the deployed function as AWS would send them."""
    events = Path(__file__).parents[3] / "events"
    service = local_stack.outputs["ServiceClientId"]
    claims = {"sub": service, "client_id": service, "scope": "earshot/predict"}
    for name in ("predict_multipart", "predict_raw"):
        event = json.loads((events / f"{name}.json").read_text())
        event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
        answer = local_stack.client("lambda").invoke(
            FunctionName=local_stack.outputs["ClassifyFunctionName"],
            Payload=json.dumps(event).encode(),
        )
        response = json.load(answer["Payload"])
        assert response["statusCode"] == 200, base64.b64encode(response["body"].encode())
        assert json.loads(response["body"])["label"] == "siren"
