"""The sweep against moto: what has no result is queued again, once, and nothing else is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from types import SimpleNamespace

import pytest
from moto import mock_aws

from earshot.errors import UnavailableError
from earshot.operations.queues import SqsQueues
from earshot.operations.sweep import MAX_AGE, MAX_WAITING, MIN_AGE, Sweep
from earshot.results.table import ResultsTable
from earshot.results.training_copies import TrainingCopies
from earshot.uploads.bucket import UploadsBucket
from earshot.uploads.objects import Location, Upload, object_clip_id
from earshot.uploads.queue import UploadsQueue
from earshot_classify.upload_events import announced_uploads
from earshot_sweep import app
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import classified

BUCKET = "clips"


class Aws:
    """Bucket, table and queue."""

    def __init__(self) -> None:
        self.s3 = moto_client("s3")
        self.s3.create_bucket(Bucket=BUCKET)
        self.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        self.dynamodb = moto_client("dynamodb")
        self.dynamodb.create_table(
            TableName="results",
            KeySchema=[{"AttributeName": "clip_id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "clip_id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        self.sqs = moto_client("sqs")
        self.url = self.sqs.create_queue(QueueName="uploads")["QueueUrl"]
        self.results = ResultsTable(self.dynamodb, "results")

    def put(self, key: str) -> Upload:
        version = self.s3.put_object(Bucket=BUCKET, Key=key, Body=b"RIFF")["VersionId"]
        return Upload(Location(BUCKET, key, version), version, 4)

    def has_result(self, upload: Upload) -> None:
        location = upload.location
        clip_id = object_clip_id(location.bucket, location.key, upload.version)
        self.results.save(classified(clip_id))

    def sweep(self, hours_later: float = 1.0) -> Sweep:
        return Sweep(
            bucket := UploadsBucket(self.s3, BUCKET),
            self.results,
            TrainingCopies(self.results, bucket),
            UploadsQueue(self.sqs, self.url),
            SqsQueues(self.sqs, {"uploads": self.url}),
            now=lambda: datetime.now(UTC) + timedelta(hours=hours_later),
        )

    def announced(self) -> list[Upload]:
        """Uploads of the messages in the queue, which are taken out."""
        found: list[Upload] = []
        while messages := self.sqs.receive_message(QueueUrl=self.url, MaxNumberOfMessages=10).get(
            "Messages"
        ):
            for message in messages:
                found += announced_uploads(message["Body"])
                self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return found


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield Aws()


def by_key(uploads: list[Upload]) -> list[Upload]:
    return sorted(uploads, key=lambda upload: (upload.location.key, upload.version))


def test_uploads_without_a_result_are_queued_as_s3_announces_them(aws: Aws) -> None:
    lost = [
        aws.put("incoming/plain.wav"),
        aws.put("incoming/north gate/Überfall 100%_ñ + 1.wav"),
    ]
    aws.has_result(aws.put("incoming/classified.wav"))
    aws.put("posted/x.wav")
    aws.put("incoming/a folder/")
    report = aws.sweep().run()
    assert (report.uploads, report.queued, report.waiting) == (3, 2, 0)
    assert set(report.lost) == {upload.location.key for upload in lost}
    assert by_key(aws.announced()) == by_key(lost)


def test_each_version_of_an_object_is_looked_up(aws: Aws) -> None:
    first, second = aws.put("incoming/latest.wav"), aws.put("incoming/latest.wav")
    aws.has_result(second)
    assert aws.sweep().run().queued == 1
    assert aws.announced() == [first]


def test_a_form_that_was_used_twice_is_one_clip(aws: Aws) -> None:
    key = f"incoming/upload-{'0' * 32}.wav"
    aws.put(key)
    aws.put(key)
    assert aws.sweep().run().queued == 1


def test_what_has_its_result_is_not_queued_again(aws: Aws) -> None:
    upload = aws.put("incoming/a.wav")
    aws.sweep().run()
    aws.announced()
    aws.has_result(upload)
    assert aws.sweep().run().lost == ()
    assert aws.announced() == []


@pytest.mark.parametrize("age", [MIN_AGE - timedelta(minutes=1), MAX_AGE + timedelta(minutes=1)])
def test_young_and_old_uploads_are_left_alone(aws: Aws, age: timedelta) -> None:
    aws.put("incoming/a.wav")
    report = aws.sweep(hours_later=age / timedelta(hours=1)).run()
    assert (report.uploads, report.queued) == (0, 0)


def test_more_than_one_request_takes_to_look_up_and_to_queue(aws: Aws) -> None:
    uploads = [aws.put(f"incoming/{n:03}.wav") for n in range(230)]
    for upload in uploads[:115]:
        aws.has_result(upload)
    assert aws.sweep().run().queued == 115
    assert by_key(aws.announced()) == by_key(uploads[115:])


def test_while_many_wait_nothing_is_added_to_them(aws: Aws) -> None:
    aws.put("incoming/a.wav")
    for _ in range(MAX_WAITING + 1):
        aws.sqs.send_message(QueueUrl=aws.url, MessageBody="{}")
    report = aws.sweep().run()
    assert (report.lost, report.queued) == (("incoming/a.wav",), 0)


def test_a_failing_queue_fails_the_sweep(aws: Aws) -> None:
    aws.put("incoming/a.wav")
    sweep = aws.sweep()
    aws.sqs.delete_queue(QueueUrl=aws.url)
    with pytest.raises(UnavailableError):
        sweep.run()
    queue = UploadsQueue(aws.sqs, aws.url)
    with pytest.raises(UnavailableError):
        queue.announce([Upload(Location(BUCKET, "incoming/a.wav", "v"), "v", 4)])


def test_the_function_counts_what_it_found(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.put("incoming/a.wav")
    monkeypatch.setattr(app, "sweep", lambda: aws.sweep(hours_later=0))
    report = app.lambda_handler({"min_age_minutes": 0}, FakeContext())
    assert (report["without_result"], report["queued"], report["keys"]) == (
        1,
        1,
        ("incoming/a.wav",),
    )
    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
    (metrics,) = [line for line in emitted if "_aws" in line]
    assert metrics["uploads_without_result"] == [1.0]
    assert metrics["service"] == "sweep"


def test_why_a_sweep_failed_is_in_its_log(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lambda logs the last error alone, which names no cause."""
    aws.put("incoming/a.wav")
    aws.dynamodb.delete_table(TableName="results")
    log = StringIO()
    monkeypatch.setattr(app.logger.registered_handler, "stream", log)
    monkeypatch.setattr(app, "sweep", lambda: aws.sweep(hours_later=0))
    with pytest.raises(UnavailableError):
        app.lambda_handler({"min_age_minutes": 0}, FakeContext())
    line = json.loads(log.getvalue())
    assert (line["level"], line["exception_name"]) == ("ERROR", "UnavailableError")
    assert "ResourceNotFoundException" in line["exception"]


class FakeContext:
    """What Powertools reads."""

    function_name = "sweep"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:1:function:sweep"
    aws_request_id = "1"


def test_the_function_watches_the_sources_where_it_is_told_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    report = {"sources": 2, "faulty": {}, "silent": 1, "alerts": [], "events_kept": 0}
    monkeypatch.setattr(app, "watch", lambda: SimpleNamespace(run=lambda: report))
    assert app.lambda_handler({"watch": True}, FakeContext()) == report
    (metrics,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line]
    assert metrics["quiet_sources"] == [1.0]
