"""Uploads under faults: what is sent, what is broken meanwhile, and what arrives."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psutil
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from earshot.times import parse_time
from earshot.uploads.objects import UPLOADS_PREFIX, Location, Upload, object_clip_id
from earshot.uploads.queue import UploadsQueue
from local.clients import local_session
from local.receivers.alert_queue import alert_queue
from tests.chaos.figures import Sent

UPLOADERS = 4
DUPLICATED = 0.1  # of the uploads: a second message, a few seconds later or before the first
SHARED = 0.2  # of the sirens: of one of a few sources, so that cooldowns matter
SHARED_SOURCES = 3
KILL_EVERY = 10  # rows written: by the clock, a slow machine would never get beyond the start
# As in the template it is 240 s, which is the delay after a crash.
VISIBILITY_S = 15


class Aws:
    """Clients of the emulator, past the proxy."""

    def __init__(self, outputs: dict[str, Any]) -> None:
        session = local_session()
        config = Config(max_pool_connections=UPLOADERS + 4, retries={"mode": "standard"})
        self.outputs = outputs

        def client(service: Any) -> Any:
            return session.client(service, endpoint_url=outputs["endpoint"], config=config)

        self.s3, self.sqs, self.sns = client("s3"), client("sqs"), client("sns")
        self.dynamodb, self.functions = client("dynamodb"), client("lambda")
        self.bucket = outputs["UploadsBucketName"]
        self.table = outputs["ResultsTableName"]
        self.queue = UploadsQueue(self.sqs, outputs["UploadsQueueUrl"])

    def return_messages_after(self, seconds: int) -> None:
        """Set the uploads queue's visibility timeout."""
        self.sqs.set_queue_attributes(
            QueueUrl=self.outputs["UploadsQueueUrl"],
            Attributes={"VisibilityTimeout": str(seconds)},
        )

    def rows(self) -> list[dict[str, Any]]:
        """Rows of the results table, as far as the figures need them."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table)
        return [
            {
                "clip_id": item["clip_id"]["S"],
                "key": item["key"]["S"],
                "status": item["status"]["S"],
                "timestamp": parse_time(item["timestamp"]["S"]),
            }
            for page in pages
            for item in page["Items"]
        ]

    def waiting(self) -> int:
        """Messages in the uploads queue, at work or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs["UploadsQueueUrl"], AttributeNames=names
        )
        return sum(int(answer["Attributes"][name]) for name in names)

    def dead_letters(self) -> int:
        """Messages in the dead letter queue."""
        answer = self.sqs.get_queue_attributes(
            QueueUrl=self.outputs["UploadsDeadLetterQueueUrl"],
            AttributeNames=["ApproximateNumberOfMessages"],
        )
        return int(answer["Attributes"]["ApproximateNumberOfMessages"])


def send(aws: Aws, n: int, siren: bytes, quiet: bytes, seed: int) -> list[Sent]:
    """Upload `n` clips in any order: half of them sirens, a quarter quiet, a quarter no recordings.

    Some are announced twice, at another time.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    plan = [(k, chance.random(), chance.random()) for k in range(n)]
    chance.shuffle(plan)

    def put(item: tuple[int, float, float]) -> Sent:
        k, share, twice = item
        source = f"source-{k:05}"
        if k % 2 == 0:
            content, status = siren, "classified"
            source = f"shared-{k % SHARED_SOURCES}" if share < SHARED else source
        elif k % 4 == 1:
            content, status = quiet, "classified"
        else:
            content, status = b"Dear diary", "rejected"
        key = f"{UPLOADS_PREFIX}{source}/{k:05}.wav"
        answer = aws.s3.put_object(Bucket=aws.bucket, Key=key, Body=content)
        at, version = datetime.now(UTC), answer["VersionId"]
        if twice < DUPLICATED:
            upload = Upload(Location(aws.bucket, key, version), version, len(content))
            aws.queue.announce([upload])
        clip_id = object_clip_id(aws.bucket, key, version)
        return Sent(clip_id, source, at, status, raises_alert=k % 2 == 0)

    with ThreadPoolExecutor(UPLOADERS) as pool:
        return list(pool.map(put, plan))


@contextmanager
def listening(aws: Aws) -> Iterator[list[dict[str, Any]]]:
    """Alerts as a subscriber gets them; the list grows meanwhile."""
    with alert_queue(aws.sns, aws.sqs, aws.outputs["AlertTopicArn"], "chaos-listener") as url:
        found: list[dict[str, Any]] = []
        stop = threading.Event()

        def listen() -> None:
            while True:
                try:
                    messages = _received(aws, url)
                except BotoCoreError:  # the emulator is being started again
                    time.sleep(1)
                    continue
                found.extend(messages)
                if stop.is_set() and not messages:
                    return

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield found
        finally:
            stop.set()
            thread.join()


def _received(aws: Aws, url: str) -> list[dict[str, Any]]:
    """Alerts that are in a queue; they are taken out of it."""
    answer = aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
    alerts = []
    for message in answer.get("Messages", []):
        alert = json.loads(message["Body"])
        alerts.append(alert | {n: parse_time(alert[n]) for n in ("timestamp", "alerted_at")})
        aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return alerts


class Killer:
    """Kills a function's process every few rows, whatever it is doing.

    Args:
        emulator_pid: whose children the functions are.
        written: rows written so far.
        seed: of the choice.
    """

    def __init__(self, emulator_pid: int, written: Callable[[], int], seed: int) -> None:
        self.killed = 0
        self._written = written
        self._emulator = psutil.Process(emulator_pid)
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Killer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        n_last = 0
        while not self._stop.wait(0.5):
            if self._written() < n_last + KILL_EVERY:
                continue
            n_last = self._written()
            try:
                workers = self._emulator.children(recursive=True)
                if workers:
                    self._random.choice(workers).kill()
                    self.killed += 1
            except psutil.Error:
                continue


def consider_again(aws: Aws, sent: list[Sent], seed: int) -> int:
    """Have alert consider some results a second time, as a stream may deliver a record twice."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    sirens = [upload for upload in sent if upload.raises_alert]
    n_again = 0
    for upload in chance.sample(sirens, k=max(1, len(sirens) // 10)):
        answer = aws.dynamodb.get_item(TableName=aws.table, Key={"clip_id": {"S": upload.clip_id}})
        if "Item" not in answer:
            continue
        image = {"Keys": {"clip_id": {"S": upload.clip_id}}, "NewImage": answer["Item"]}
        record = {"eventName": "INSERT", "dynamodb": image | {"SequenceNumber": "1"}}
        event = json.dumps({"Records": [record]}).encode()
        aws.functions.invoke(FunctionName=aws.outputs["AlertFunctionName"], Payload=event)
        n_again += 1
    return n_again


def settle(aws: Aws, wanted: int, patience_s: float) -> None:
    """Wait until each upload has its result and nothing waits, or nothing has changed for long."""
    last, n_last = time.monotonic(), (-1, -1)
    while time.monotonic() - last < patience_s:
        now = (len(aws.rows()), aws.waiting())
        if now[0] >= wanted and now[1] == 0:
            return
        if now != n_last:
            last, n_last = time.monotonic(), now
        time.sleep(2)


def settle_alerts(sent: list[Sent], alerts: list[dict[str, Any]], patience_s: float) -> None:
    """Wait until each source that should has raised an alert, or none has come for long."""
    expected = {upload.source for upload in sent if upload.raises_alert}
    last, n_last = time.monotonic(), -1
    while time.monotonic() - last < patience_s:
        if expected <= {alert["source"] for alert in list(alerts)}:
            return
        if len(alerts) != n_last:
            last, n_last = time.monotonic(), len(alerts)
        time.sleep(1)
