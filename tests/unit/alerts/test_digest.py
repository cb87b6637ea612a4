"""Digests: what can wait comes once, together, and the same again after a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import jsonschema
import pytest
from moto import mock_aws

from earshot.alerts.deliveries import Delivery, id_of, post_of
from earshot.alerts.digest import MAX_ALERTS, DigestService, WaitingAlerts
from earshot.errors import UnavailableError
from earshot.events import Event
from earshot.labels import Label
from local.settings import REPOSITORY
from tests.unit.alerts.fakes import Bus, Clock, Sent, Topic
from tests.unit.alerts.fakes import WaitingAlerts as FakeWaiting
from tests.unit.alerts.test_alerts import RULES, service_of
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import NOON, classified

WAITS = replace(RULES, digest=frozenset({Label.SIREN}), cooldown=timedelta())
BOTH = (Event(Label.GUNSHOT, 0.5, 1.0, 0.7), Event(Label.SIREN, 1.5, 3.0, 0.9))


class Mail:
    """The topic, for digests."""

    def __init__(self) -> None:
        self.sent: list[tuple[dict[str, Any], str]] = []
        self.fails = 0

    def publish_digest(self, document: Mapping[str, Any], text: str) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The topic of alerts is not available at the moment")
        self.sent.append((dict(document), text))


@pytest.fixture
def waiting() -> Iterator[WaitingAlerts]:
    with mock_aws():
        client = moto_client("dynamodb")
        client.create_table(
            TableName="cooldowns",
            KeySchema=[{"AttributeName": "subject", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "subject", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield WaitingAlerts(client, "cooldowns")


class Results:
    """The table of results: each clip has one, but those that were erased."""

    def __init__(self) -> None:
        self.erased: set[str] = set()

    def with_result(self, clip_ids: Sequence[str]) -> set[str]:
        return set(clip_ids) - self.erased


def digests(
    waiting: WaitingAlerts, mail: Any, bus: Any, clock: Any = None, results: Any = None
) -> DigestService:
    known: Any = results or Results()
    return DigestService(waiting, known, mail, bus, clock or Clock())


def raised(waiting: Any, *clip_ids: str) -> None:
    service = service_of(Topic(), Sent(), Clock(), WAITS, waiting=waiting)
    for clip_id in clip_ids:
        assert service.consider(classified(clip_id))


def test_what_can_wait_waits_and_the_rest_does_not():
    topic, bus, waiting, sent = Topic(), Bus(), FakeWaiting(), Sent()
    service = service_of(topic, sent, Clock(), WAITS, bus, waiting)
    for _ in range(2):
        service.consider(classified("c1", events=BOTH))
    assert [alert.label for alert in waiting.alerts] == [Label.SIREN]
    assert [alert.label for alert in topic.alerts] == [Label.GUNSHOT]
    assert [event.detail["label"] for event in bus.events] == ["gunshot"]
    assert sent.times == {"c1": NOON}, "GET /alerts lists it"


def test_an_alert_that_cannot_be_kept_comes_again():
    waiting = FakeWaiting()
    service = service_of(Topic(), Sent(), Clock(), WAITS, waiting=waiting)
    waiting.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    assert service.consider(classified("c1"))
    assert len(waiting.alerts) == 1


def test_a_digest_comes_once_as_its_schema_says(waiting):
    mail, bus = Mail(), Bus()
    service = digests(waiting, mail, bus)
    assert service.run() == {"digests": 0, "alerts": 0}
    raised(waiting, "c1", "c2")
    assert service.run() == {"digests": 1, "alerts": 2}
    assert service.run() == {"digests": 0, "alerts": 0}
    ((document, text),) = mail.sent
    assert document["counts"] == [{"source": "gate", "label": "siren", "count": 2}]
    assert text.splitlines()[:2] == ["2 alerts that could wait:", "2 siren at gate"]
    assert "2026-01-31 12:00:00 UTC siren at gate: https://ui/?clip=c1" in text
    (event,) = bus.events
    schema = json.loads((REPOSITORY / "events" / "digest-1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(event.detail, schema)
    post = post_of(Delivery("team", "slack", "https://s"), event.kind, event.detail, NOON)
    assert json.loads(post.body)["text"] == "2 alerts that could wait. 2 siren at gate"
    assert id_of(event.detail) == document["digest_id"]


def test_a_digest_that_failed_comes_again_as_it_was_and_later_alerts_in_the_next(waiting):
    mail, bus = Mail(), Bus()
    clock = Clock()
    service = digests(waiting, mail, bus, clock)
    raised(waiting, "c1")
    mail.fails = 1
    with pytest.raises(UnavailableError):
        service.run()
    raised(waiting, "c2")
    clock.now += timedelta(minutes=1)
    assert service.run() == {"digests": 2, "alerts": 2}
    (first, _), (second, _) = mail.sent
    assert [one["clip_id"] for one in first["alerts"]] == ["c1"]
    assert [one["clip_id"] for one in second["alerts"]] == ["c2"]
    assert first["digest_id"] != second["digest_id"]


def test_a_clip_that_was_erased_meanwhile_is_in_no_digest(waiting):
    mail, clock, results = Mail(), Clock(), Results()
    service = digests(waiting, mail, Bus(), clock, results)
    raised(waiting, "c1", "c2")
    mail.fails = 1
    with pytest.raises(UnavailableError):
        service.run()
    results.erased = {"c2"}  # after it was taken into the digest that failed
    clock.now += timedelta(hours=1)
    assert service.run() == {"digests": 1, "alerts": 1}
    ((document, text),) = mail.sent
    assert [one["clip_id"] for one in document["alerts"]] == ["c1"]
    assert "c2" not in json.dumps(document) + text
    assert waiting.all() == [], "it is not kept any longer either"


def test_a_result_that_is_not_seen_yet_is_waited_for(waiting):
    mail, results = Mail(), Results()
    raised(waiting, "c1")
    results.erased = {"c1"}
    service = digests(waiting, mail, Bus(), results=results)
    assert service.run() == {"digests": 0, "alerts": 0}
    results.erased = set()
    assert service.run() == {"digests": 1, "alerts": 1}


def test_a_long_digest_counts_all_and_shows_the_latest(waiting):
    mail = Mail()
    raised(waiting, *(f"c{n}" for n in range(MAX_ALERTS + 5)))
    digests(waiting, mail, Bus()).run()
    ((document, text),) = mail.sent
    assert (document["count"], len(document["alerts"])) == (MAX_ALERTS + 5, MAX_ALERTS)
    sizes = len(json.dumps({"default": json.dumps(document), "email": text}))
    assert sizes < 200_000, "SNS takes 256 KiB"
