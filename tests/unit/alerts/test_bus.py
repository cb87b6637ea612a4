"""Events of the bus: they are as their schemas say, and none is lost or keeps an alert waiting."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from moto import mock_aws

from earshot.alerts.bus import (
    AlertBus,
    BusEvent,
    KeptEvents,
    event_from_text,
    event_of_source_alert,
)
from earshot.alerts.service import AlertRules
from earshot.alerts.source_alert import SourceAlert
from earshot.alerts.source_faults import SourceWatch
from earshot.errors import UnavailableError
from earshot.events import Event
from earshot.labels import Label
from earshot.sources.settings import SourceSettings
from earshot.sources.source import Source
from local.settings import REPOSITORY
from tests.unit.alerts.fakes import Bus, Clock, Sent, Topic
from tests.unit.alerts.test_alerts import RULES, service_of
from tests.unit.alerts.test_source_rules import Sources
from tests.unit.alerts.test_source_rules import Topic as SourceTopic
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON, classified

CLIP_ID = "0123456789abcdef" * 2
BERLIN = replace(RULES, source_name="North gate", place="by the lake", time_zone="Europe/Berlin")


def check(event: BusEvent) -> None:
    name = "alert" if event.kind == "Earshot Alert" else "source-alert"
    schema = json.loads((REPOSITORY / "events" / f"{name}-1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(event.detail, schema)


def alerted(rules: AlertRules = BERLIN, **changes: Any) -> BusEvent:
    bus = Bus()
    service_of(Topic(), Sent(), Clock(), rules, bus).consider(classified(CLIP_ID, **changes))
    (event,) = bus.events
    return event


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"recorded_at": NOON},
        {"location": None},
        {"events": tuple(Event(Label.SIREN, s, s + 1.0, 0.9) for s in range(50))},
    ],
)
def test_events_of_alerts_are_as_their_schema_says(changes):
    event = alerted(**changes)
    assert event.kind == "Earshot Alert"
    check(event)


def test_an_event_says_when_by_the_sources_time_and_where_the_sound_is():
    shots = (Event(Label.GUNSHOT, 0.5, 1.0, 0.5), Event(Label.SIREN, 1.5, 3.0, 0.9))
    detail = alerted(recorded_at=NOON, events=shots).detail
    assert detail["local_time"] == "2026-01-31T13:00:01.500+01:00"
    assert (detail["time_zone"], detail["place"]) == ("Europe/Berlin", "by the lake")
    assert detail["event_url"].startswith(f"https://api/audio/{CLIP_ID}/events/2.wav?until=")
    assert detail["page_url"] == f"https://ui/?clip={CLIP_ID}"


@pytest.mark.parametrize("over", [False, True])
@pytest.mark.parametrize("last", [None, NOON])
def test_events_of_sources_are_as_their_schema_says(over, last):
    source = Source("gate", SourceSettings(addressees=("ann",)), last_segment=last)
    event = event_of_source_alert(SourceAlert(source, "silent", over, "There is none.", NOON))
    check(event)
    assert event_from_text(event.to_text()) == event
    assert event.kind.endswith("Recovered" if over else "Fault")


def test_a_result_that_comes_again_is_for_the_bus_alone():
    topic, bus, sent = Topic(), Bus(), Sent()
    service = service_of(topic, sent, Clock(), bus=bus)
    for _ in range(2):
        bus.fails = 1
        with pytest.raises(UnavailableError):
            service.consider(classified("c1"))
    assert service.consider(classified("c1")) == []
    assert service.consider(classified("c1")) == []
    assert len(topic.alerts) == len(bus.events) == 1
    assert sent.times == {"c1": NOON}


def test_where_the_topic_fails_the_bus_waits_for_it():
    topic, bus = Topic(), Bus()
    service = service_of(topic, Sent(), Clock(), bus=bus)
    topic.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    assert bus.events == []
    service.consider(classified("c1"))
    assert len(topic.alerts) == len(bus.events) == 1


def kept_events() -> KeptEvents:
    dynamodb = moto_client("dynamodb")
    dynamodb.create_table(
        TableName="cooldowns",
        KeySchema=[{"AttributeName": "subject", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "subject", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return KeptEvents(dynamodb, "cooldowns")


@mock_aws
def test_two_that_put_kept_events_at_once_forget_none_that_came_meanwhile():
    kept = kept_events()
    for text in ("one", "two"):
        kept.add(text)
    (oldest, _) = kept.all()  # as two runs read them
    kept.add("three")
    kept.remove(2, oldest)
    kept.remove(2, oldest)
    assert kept.all() == ["three"]


@mock_aws
def test_what_the_bus_does_not_take_is_kept_in_order_and_put_on_it_later():
    events, sqs = map(moto_client, ("events", "sqs"))
    kept = kept_events()
    bus = AlertBus(events, "earshot", kept)
    assert bus.put_kept() == 0
    wanted = [replace(alerted(), kind=f"kind {n}") for n in range(3)]
    for event in wanted:
        bus.put(event)  # there is no such bus
    assert [event_from_text(text) for text in kept.all()] == wanted
    assert bus.put_kept() == 3
    url = queue_on_bus()
    assert bus.put_kept() == 0
    assert kept.all() == []
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [json.loads(one["Body"])["detail-type"] for one in messages] == [
        f"kind {n}" for n in range(3)
    ]


def test_a_source_puts_its_events_on_the_bus():
    clock = Clock()
    sources: Any = Sources(Source("gate", last_segment=NOON))
    topic: Any = SourceTopic()
    bus: Any = Bus()
    watch = SourceWatch(sources, topic, bus, timedelta(minutes=10), clock)
    clock.now = NOON + timedelta(minutes=11)
    watch.run()
    sources.rows["gate"] = replace(sources.rows["gate"], last_segment=clock.now)
    watch.run()
    assert [e.kind for e in bus.events] == ["Earshot Source Fault", "Earshot Source Recovered"]


def queue_on_bus() -> str:
    """A bus, and a queue with its events; address of the queue."""
    events, sqs = moto_client("events"), moto_client("sqs")
    events.create_event_bus(Name="earshot")
    url: str = sqs.create_queue(QueueName="q")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    pattern = json.dumps({"source": ["earshot"], "detail": {"label": ["siren"]}})
    events.put_rule(Name="all", EventBusName="earshot", EventPattern=pattern)
    target = {"Id": "q", "Arn": attributes["Attributes"]["QueueArn"]}
    events.put_targets(Rule="all", EventBusName="earshot", Targets=[target])
    return url


class Full:
    """Keeps nothing."""

    def add(self, event: str) -> None:
        raise UnavailableError("full")


@mock_aws
def test_the_bus_takes_events_and_says_where_it_does_not():
    events, sqs, full = moto_client("events"), moto_client("sqs"), Full()
    kept: Any = full
    url = queue_on_bus()
    AlertBus(events, "earshot", kept).put(alerted())
    (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"]) == ("earshot", "Earshot Alert")
    assert event["detail"]["schema_version"] == 1

    class Refusing:
        def put_events(self, **_: Any) -> Any:
            return {"FailedEntryCount": 1, "Entries": [{"ErrorMessage": "too many"}]}

    refusing: Any = Refusing()
    with pytest.raises(UnavailableError, match="full"):
        AlertBus(refusing, "earshot", kept).put(alerted())
