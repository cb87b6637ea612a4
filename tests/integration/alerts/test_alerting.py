"""From an upload to an alert on the local stack."""

from __future__ import annotations

import io
import json
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import soundfile

from earshot.events import Event
from earshot.labels import Label
from earshot.results.result import Result
from earshot.results.table import ResultsTable
from local.receivers.alert_queue import alert_queue
from local.sweep import sweep
from tests.integration.uploads.test_main_job import result, upload
from tests.stack import LocalStack, wait_for
from tests.unit.sample_results import classified


def about_clips(message: dict[str, Any]) -> bool:
    """Whether a message of the topic, or an event of the bus, is about clips."""
    of_bus = isinstance(message.get("detail"), dict)
    kind = (message["detail"] if of_bus else message).get("kind", "")
    return not kind.startswith("source_")


class Listener:
    """A subscriber of the topic."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def messages(
        self,
        seconds: float,
        at_least: int = 1000,
        wanted: Callable[[dict[str, Any]], bool] = lambda message: True,
    ) -> list[dict[str, Any]]:
        """Messages that come within so many seconds, or until so many wanted ones are there."""
        deadline = time.monotonic() + seconds
        found: list[dict[str, Any]] = []
        while time.monotonic() < deadline and len(found) < at_least:
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                content = json.loads(message["Body"])
                if wanted(content):
                    found.append(content)
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def alerts(self, seconds: float, at_least: int = 1000) -> list[dict[str, Any]]:
        """Alerts about clips alone: the sweep of each minute may find faults of sources."""
        return self.messages(seconds, at_least, about_clips)

    def alerts_so_far(self, table: ResultsTable) -> list[dict[str, Any]]:
        """Alerts of all results in the table: they come before that of one that is added last."""
        last = detection(f"last {uuid.uuid4()}", 0)
        table.save(last)
        found: list[dict[str, Any]] = []
        while last.source not in {alert["source"] for alert in found}:
            came = self.alerts(60, at_least=1)
            assert came, "there is no alert of the last result"
            found += came
        found += self.alerts(1)
        return [alert for alert in found if alert["source"] != last.source]


@pytest.fixture
def listener(local_stack: LocalStack) -> Iterator[Listener]:
    with subscriber(local_stack, "listener") as listening:
        yield listening


@contextmanager
def subscriber(local_stack: LocalStack, name: str) -> Iterator[Listener]:
    """A subscriber of the topic of alerts, with a queue of this name."""
    sqs, sns = local_stack.client("sqs"), local_stack.client("sns")
    with alert_queue(sns, sqs, local_stack.outputs["AlertTopicArn"], name) as url:
        yield Listener(sqs, url)


def detection(source: str, n: int, **changes: Any) -> Result:
    clip_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{source}{n}").hex
    return classified(clip_id, source=source, timestamp=datetime.now(UTC), location=None, **changes)


def recorded(stack: LocalStack, clip_id: str) -> dict[str, Any]:
    """The alert of a clip as the API lists it."""

    def find() -> dict[str, Any] | None:
        page = stack.call("GET", "/alerts?limit=5")[1]
        return next((a for a in page["alerts"] if a["clip_id"] == clip_id), None)

    return wait_for(find)


def sources_alerted(stack: LocalStack, *sources: str) -> list[str]:
    """Sources of all alerts in the API, newest first, as far as they are among these."""
    found: list[str] = []
    cursor = ""
    while True:
        page = stack.call("GET", f"/alerts?limit=3{cursor}")[1]
        found += [alert["source"] for alert in page["alerts"]]
        if page["next_cursor"] is None:
            return [source for source in found if source in sources]
        cursor = f"&cursor={page['next_cursor']}"


def test_an_upload_is_an_alert_within_seconds_that_links_the_clip(
    local_stack: LocalStack, listener: Listener, siren_wav: bytes
) -> None:
    latencies = []
    for n in range(3):
        started = time.monotonic()
        clip_id = upload(local_stack, f"incoming/latency {n}/a.wav", siren_wav)
        (alert,) = listener.alerts(60, at_least=1)
        latencies.append(time.monotonic() - started)
        assert (alert["clip_id"], alert["label"]) == (clip_id, "siren")
        assert alert["source"] == f"latency {n}"
        link, sound = alert.pop("clip_url"), alert.pop("event_url")
        assert (alert.pop("time_zone"), alert.pop("local_time")[-6:]) == ("UTC", "+00:00")
        assert recorded(local_stack, clip_id) == alert
        with urllib.request.urlopen(link) as answer:  # noqa: S310 - the stack's own
            assert answer.read() == siren_wav
        with urllib.request.urlopen(sound) as answer:  # noqa: S310 - the stack's own
            assert soundfile.info(io.BytesIO(answer.read())).samplerate == 16000
    print(f"upload to alert: {', '.join(f'{s:.2f} s' for s in latencies)}")


def test_the_alert_of_a_posted_clip_links_it_too(
    local_stack: LocalStack, listener: Listener, siren_wav: bytes
) -> None:
    headers = {"Content-Type": "audio/wav"}
    local_stack.request("POST", "/predict?source=posted", siren_wav, headers)
    (alert,) = listener.alerts(60, at_least=1)
    assert alert["source"] == "posted"
    with urllib.request.urlopen(alert["clip_url"]) as answer:  # noqa: S310 - the stack's own
        assert answer.read() == siren_wav


@pytest.mark.long
def test_a_hundred_detections_of_one_source_are_one_alert_and_of_two_are_two(
    local_stack: LocalStack, listener: Listener
) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    for n in range(100):
        table.save(detection("one", n))
    assert [alert["source"] for alert in listener.alerts_so_far(table)] == ["one"]
    for n in range(20):
        table.save(detection("two", n))
        table.save(detection("three", n))
    found = sorted(alert["source"] for alert in listener.alerts_so_far(table))
    assert found == ["three", "two"]
    assert sources_alerted(local_stack, "one", "two", "three")[2:] == ["one"]


def test_casual_unsure_and_rejected_clips_raise_no_alert(
    local_stack: LocalStack, listener: Listener
) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    table.save(detection("quiet", 1, label=Label.CASUAL))
    unlikely = Event(Label.SIREN, 0.5, 2.0, 0.3)
    table.save(detection("quiet", 2, confidence=0.3, events=(unlikely,)))
    table.save(detection("quiet", 3, uncertain=True))
    rejected = result(local_stack, upload(local_stack, "incoming/quiet/a.wav", b"text"))
    assert rejected["status"] == "rejected"
    assert listener.alerts_so_far(table) == []
    assert sources_alerted(local_stack, "quiet") == []


def test_feedback_is_no_new_detection(local_stack: LocalStack, listener: Listener) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    one = detection("corrected", 1, label=Label.CASUAL)
    table.save(one)
    status, _ = local_stack.call("POST", f"/results/{one.clip_id}/feedback", {"label": "gunshot"})
    assert status == 200
    assert listener.alerts_so_far(table) == []


def test_an_alert_that_failed_is_sent_when_its_table_is_back(
    local_stack: LocalStack, listener: Listener
) -> None:
    stack = local_stack.client("cloudformation")
    dynamodb = local_stack.client("dynamodb")
    table = ResultsTable(dynamodb, local_stack.outputs["ResultsTableName"])
    claims = stack.describe_stack_resource(
        StackName=local_stack.outputs["stack_name"], LogicalResourceId="CooldownsTable"
    )["StackResourceDetail"]["PhysicalResourceId"]
    kept = dynamodb.describe_table(TableName=claims)["Table"]
    dynamodb.delete_table(TableName=claims)
    table.save(detection("back again", 1))
    assert listener.alerts(4) == [], "without its table of cooldowns, alert can decide nothing"
    dynamodb.create_table(
        TableName=claims,
        KeySchema=kept["KeySchema"],
        AttributeDefinitions=kept["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
    )
    assert [alert["source"] for alert in listener.alerts(60, at_least=1)] == ["back again"]


def test_a_source_has_rules_of_its_own(local_stack: LocalStack, listener: Listener) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    in_an_hour = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    for source, wanted in (
        ("pier", {"min_confidence": {"siren": 0.95}, "addressees": ["ann"]}),
        ("quay", {"labels": ["gunshot"]}),
        ("dock", {"muted_until": in_an_hour}),
        ("slip", {"quiet_hours": {"start": "00:00", "end": "23:59"}}),
        ("mole", {"cooldown_s": 0}),
    ):
        assert local_stack.call("PUT", f"/sources/{source}", wanted)[0] == 200
    noon = datetime.now(UTC).replace(hour=12)
    for n, source in enumerate(("pier", "quay", "dock", "slip", "mole", "mole", "unset")):
        table.save(detection(source, n, recorded_at=noon))
    sweep(local_stack.outputs, {"watch": True})  # sources have faults, too: noon is not now
    sources = [alert["source"] for alert in listener.alerts_so_far(table)]
    assert sorted(sources) == ["mole", "mole", "unset"]
    known = {one["source"] for one in local_stack.call("GET", "/sources")[1]["sources"]}
    assert {"pier", "unset"} <= known, "a source makes itself by its first clip"
