"""Which results become alerts, how often, and what is told."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from earshot.alerts.alert import Alert, alert_about, from_json, to_json
from earshot.alerts.delivery import AlertTopic, CooldownsTable
from earshot.alerts.service import AlertRules, AlertService
from earshot.errors import UnavailableError
from earshot.labels import Label
from tests.unit.sample_results import NOON, classified, rejected

RULES = AlertRules(frozenset({Label.SIREN, Label.GUNSHOT}), 0.6, timedelta(minutes=5))


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


class Topic:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.fails = 0

    def publish(self, alert: Alert) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The topic of alerts is not available at the moment")
        self.alerts.append(alert)


class Sent:
    def __init__(self) -> None:
        self.times: dict[str, datetime] = {}
        self.fails = 0

    def record_alert(self, clip_id: str, at: datetime) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The results table is not available at the moment")
        self.times.setdefault(clip_id, at)


class Cooldowns:
    """As `CooldownsTable`, in memory; `test_a_cooldown_in_dynamodb` holds that to the same."""

    def __init__(self) -> None:
        self.rows: dict[str, tuple[str, datetime, bool]] = {}

    def claim(self, subject: str, clip_id: str, now: datetime, cooldown: timedelta) -> bool:
        if subject in self.rows:
            by, until, alerted = self.rows[subject]
            if until > now and not (by == clip_id and not alerted):
                return False
        self.rows[subject] = clip_id, now + cooldown, False
        return True

    def confirm(self, subject: str, clip_id: str) -> None:
        self.rows[subject] = *self.rows[subject][:2], True


@pytest.fixture
def topic() -> Topic:
    return Topic()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def service(topic: Topic, sent: Sent, clock: Clock) -> AlertService:
    link = "link to {}".format
    return AlertService(
        RULES, Cooldowns(), topic, sent, lambda location, _: link(location.key), clock
    )


@pytest.mark.parametrize(
    "result",
    [
        classified(label=Label.CASUAL),
        classified(label=Label.EXPLOSION),
        classified(confidence=0.59),
        rejected(),
    ],
)
def test_results_that_raise_no_alert(service, topic, sent, result):
    assert not service.consider(result)
    assert topic.alerts == []
    assert sent.times == {}


def test_a_hundred_detections_of_one_source_are_one_alert_and_of_two_are_two(service, topic):
    for n in range(100):
        service.consider(classified(f"a{n}", source="gate"))
        service.consider(classified(f"b{n}", source="yard"))
    assert [alert.source for alert in topic.alerts] == ["gate", "yard"]


def test_a_gunshot_is_told_of_while_the_siren_cools_down(service, topic):
    service.consider(classified("c1"))
    assert service.consider(classified("c2", label=Label.GUNSHOT))


def test_after_the_cooldown_it_is_news_again(service, topic, clock):
    service.consider(classified("c1"))
    clock.now += timedelta(minutes=5) - timedelta(seconds=1)
    assert not service.consider(classified("c2"))
    clock.now += timedelta(seconds=1)
    assert service.consider(classified("c3"))


def test_an_alert_that_could_not_be_sent_is_sent_when_its_result_comes_again(service, topic):
    topic.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    assert service.consider(classified("c1"))
    assert not service.consider(classified("c1")), "it was sent already"
    assert len(topic.alerts) == 1


def test_only_what_was_sent_is_recorded_with_its_time(service, topic, sent):
    topic.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    assert sent.times == {}
    service.consider(classified("c1"))
    service.consider(classified("c2"))
    assert sent.times == {"c1": NOON}
    assert [alert.alerted_at for alert in topic.alerts] == [NOON]


def test_an_alert_that_could_not_be_recorded_is_sent_again_rather_than_forgotten(
    service, topic, sent
):
    sent.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    assert service.consider(classified("c1"))
    assert [alert.clip_id for alert in topic.alerts] == ["c1", "c1"]
    assert sent.times == {"c1": NOON}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 400)), max_size=40))
def test_whatever_comes_alerts_of_a_source_keep_their_distance(steps):
    topic, clock = Topic(), Clock()
    service = AlertService(RULES, Cooldowns(), topic, Sent(), lambda *_: "", clock)
    told: dict[str, list[datetime]] = {"a": [], "b": []}
    for n, (source, seconds) in enumerate(steps):
        clock.now += timedelta(seconds=seconds)
        if service.consider(classified(f"c{n}", source=source)):
            told[source].append(clock.now)
        assert told[source], "the first detection of a source is always told"
    for times in told.values():
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert all(gap >= RULES.cooldown for gap in gaps)


def test_an_uncertain_result_is_told_of_as_such(service, topic):
    assert service.consider(classified(uncertain=True))
    assert topic.alerts[0].uncertain is True


def test_an_alert_links_the_clip_and_its_classified(service, topic):
    service.consider(classified())
    (alert,) = topic.alerts
    document = to_json(alert)
    assert document["result"] == "/results/c1"
    assert document["clip_url"] == "link to incoming/gate/a.wav"
    assert document["alerted_at"] == "2026-01-31T12:00:00.000Z"
    assert from_json(document) == alert


def test_a_clip_that_is_not_kept_has_no_link(service, topic):
    service.consider(classified(location=None))
    assert "clip_url" not in to_json(topic.alerts[0])


def alert(**changes: Any) -> Alert:
    result = classified(**changes)
    return alert_about(result, result.classification, NOON)


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def table(aws: None) -> CooldownsTable:
    client = boto3.client("dynamodb")
    client.create_table(
        TableName="cooldowns",
        KeySchema=[{"AttributeName": "subject", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "subject", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return CooldownsTable(client, "cooldowns")


@pytest.mark.parametrize("kind", ["memory", "dynamodb"])
def test_a_cooldown_in_dynamodb(request, kind):
    table = Cooldowns() if kind == "memory" else request.getfixturevalue("table")
    minute = timedelta(minutes=1)
    assert table.claim("siren#gate", "c1", NOON, minute)
    assert table.claim("siren#gate", "c1", NOON, minute), "its alert is not out yet"
    assert not table.claim("siren#gate", "c2", NOON, minute)
    table.confirm("siren#gate", "c1")
    assert not table.claim("siren#gate", "c1", NOON, minute)
    assert table.claim("siren#yard", "c3", NOON, minute)
    assert table.claim("siren#gate", "c4", NOON + minute, minute)
    assert not table.claim("siren#gate", "c1", NOON + minute, minute)


def test_a_topic_is_told_in_json_and_can_filter(aws):
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    arn = sns.create_topic(Name="alerts")["TopicArn"]
    queue = sqs.create_queue(QueueName="listener")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=attributes["Attributes"]["QueueArn"],
        Attributes={
            "RawMessageDelivery": "true",
            "FilterPolicy": json.dumps(
                {"label": ["gunshot"], "confidence": [{"numeric": [">", 0.5]}]}
            ),
        },
    )
    topic = AlertTopic(sns, arn)
    for label in (Label.SIREN, Label.GUNSHOT):
        topic.publish(alert(label=label))
    (message,) = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"])["label"] == "gunshot"


def test_a_failing_topic_is_a_transient_fault(aws):
    topic = AlertTopic(boto3.client("sns"), "arn:aws:sns:eu-central-1:123456789012:gone")
    with pytest.raises(UnavailableError):
        topic.publish(alert())
