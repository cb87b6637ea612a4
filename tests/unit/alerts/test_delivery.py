"""Claims in DynamoDB and the alerts topic, against moto."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from moto import mock_aws

from earshot.alerts.delivery import AlertClaims, AlertTopic
from earshot.alerts.service import Decision
from earshot.errors import UnavailableError
from earshot.labels import Label
from tests.unit.alerts.fakes import Claims, alert
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def table(aws: None) -> AlertClaims:
    client = moto_client("dynamodb")
    client.create_table(
        TableName="cooldowns",
        KeySchema=[{"AttributeName": "subject", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "subject", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return AlertClaims(client, "cooldowns")


def test_a_cooldown_is_not_cut_off_to_whole_seconds(table: AlertClaims) -> None:
    begun, minute = NOON + timedelta(seconds=0.9), timedelta(minutes=1)

    def begin(clip_id: str, at: datetime) -> bool:
        return table.begin_cooldown(Label.SIREN, "gate", clip_id, at, minute)

    assert begin("c1", begun)
    assert not begin("c2", begun + timedelta(seconds=59.5))
    assert begin("c3", begun + timedelta(seconds=60.1))
    assert table.begin_cooldown(Label.SIREN, "mole", "c4", begun, timedelta(0))
    assert table.begin_cooldown(Label.SIREN, "mole", "c5", begun, timedelta(0)), "none began"


@pytest.mark.parametrize("kind", ["memory", "dynamodb"])
def test_claims(request, kind):
    claims = Claims() if kind == "memory" else request.getfixturevalue("table")
    minute = timedelta(minutes=1)

    def begin(clip_id: str, source: str = "gate", at: datetime = NOON) -> bool:
        return claims.begin_cooldown(Label.SIREN, source, clip_id, at, minute)

    assert begin("c1")
    assert begin("c1"), "the same clip may try again"
    assert not begin("c2")
    assert begin("c3", "yard")
    claims.release_cooldown(Label.SIREN, "gate", "c2")
    assert not begin("c2"), "only the clip that began it ends it"
    claims.release_cooldown(Label.SIREN, "gate", "c1")
    assert begin("c2")
    assert begin("c4", at=NOON + minute)
    assert claims.decision("c1", Label.SIREN) is None
    for decision in (Decision(NOON), Decision(None)):
        claims.decide("c1", Label.SIREN, decision, NOON)
        assert claims.decision("c1", Label.SIREN) == decision
    assert claims.decision("c1", Label.GUNSHOT) is None


def test_every_row_of_the_claims_expires(table):
    table.begin_cooldown(Label.SIREN, "gate", "c1", NOON, timedelta(minutes=1))
    table.decide("c1", Label.SIREN, Decision(NOON), NOON)
    table.release_cooldown(Label.GUNSHOT, "gate", "c1")
    rows = moto_client("dynamodb").scan(TableName="cooldowns")["Items"]
    assert len(rows) == 2
    assert all(int(row["expires_at"]["N"]) > NOON.timestamp() for row in rows)


def test_a_topic_gets_json_and_can_filter(aws):
    sns, sqs = moto_client("sns"), moto_client("sqs")
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
    topic = AlertTopic(moto_client("sns"), "arn:aws:sns:eu-central-1:123456789012:gone")
    with pytest.raises(UnavailableError):
        topic.publish(alert())
