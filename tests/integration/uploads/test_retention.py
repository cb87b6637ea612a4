"""How long a source is kept, on a local stack: what S3 and DynamoDB are asked to delete, and when.

That they do is theirs; the emulator has no lifecycle of buckets. A test of the template compares
the rules for these tags.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from earshot.results.result import Result
from earshot.results.table import ResultsTable
from local.receivers.alert_queue import alert_queue
from tests.integration.client.test_command_line import run
from tests.integration.http.tickets import result, upload
from tests.stack import LocalStack, wait_for

DAYS = 3
DAY_S = 86400


def tags(stack: LocalStack, kept: Result) -> dict[str, str] | None:
    assert kept.location
    found = stack.client("s3").get_object_tagging(
        Bucket=kept.location.bucket, Key=kept.location.key
    )["TagSet"]
    return {one["Key"]: one["Value"] for one in found} or None


def expiry(stack: LocalStack, clip_id: str) -> int:
    row: Any = stack.client("dynamodb").get_item(
        TableName=stack.outputs["ResultsTableName"], Key={"clip_id": {"S": clip_id}}
    )["Item"]
    return int(row["expires_at"]["N"])


def test_a_source_with_days_of_its_own(local_stack: LocalStack, siren_wav: bytes) -> None:
    outputs, source = local_stack.outputs, "kept briefly"
    run(local_stack, "sources", "set", source, "--retention-days", str(DAYS))
    table = ResultsTable(local_stack.client("dynamodb"), outputs["ResultsTableName"])
    sns, sqs = local_stack.client("sns"), local_stack.client("sqs")
    began = time.time()
    with alert_queue(sns, sqs, outputs["AlertTopicArn"], "retention") as queue:
        headers = {"Content-Type": "audio/wav"}
        posted = local_stack.request("POST", f"/predict?source={source}", siren_wav, headers).json()
        uploaded = result(local_stack, upload(local_stack, siren_wav, source=source))
        (message,) = wait_for(
            lambda: sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1).get("Messages")
        )
    for document, kind in ((posted, {}), (uploaded, {"label": "siren"})):
        kept = table.get(document["clip_id"])
        assert kept
        assert wait_for(partial(tags, local_stack, kept)) == {**kind, "keep": str(DAYS)}
        assert began + DAYS * DAY_S - 1 < expiry(local_stack, kept.clip_id)
        assert expiry(local_stack, kept.clip_id) < time.time() + DAYS * DAY_S + 1
    # The link of its alert ends with the clip.
    (until,) = parse_qs(urlsplit(json.loads(message["Body"])["clip_url"]).query)["until"]
    left = datetime.fromtimestamp(int(until), UTC).timestamp() - began
    assert DAYS * DAY_S - 1 < left < DAYS * DAY_S + 120

    run(local_stack, "sources", "set", source, "--retention-days", "default")
    assert local_stack.call("GET", f"/sources/{source}")[1]["retention_days"] is None
