"""Which results become alerts, how often, and what an alert holds."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.alerts.alert import MAX_EVENTS, for_message, from_json, to_json
from earshot.alerts.service import AlertRules, AlertService
from earshot.errors import UnavailableError
from earshot.events import Event
from earshot.labels import Label
from tests.unit.alerts.fakes import (
    Bus,
    Claims,
    Clock,
    Mutes,
    Sent,
    Topic,
    WaitingAlerts,
    alert,
    links,
)
from tests.unit.sample_results import NOON, classified, rejected

RULES = AlertRules(frozenset({Label.SIREN, Label.GUNSHOT}), 0.6, timedelta(minutes=5))


def service_of(
    topic: Any,
    sent: Any,
    clock: Clock,
    rules: AlertRules = RULES,
    bus: Any = None,
    waiting: Any = None,
) -> AlertService:
    claims: Any = Claims()
    mutes: Any = Mutes()
    bus, waiting = bus or Bus(), waiting or WaitingAlerts()
    return AlertService(lambda _: rules, claims, topic, bus, waiting, sent, mutes, links(), clock)


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
    return service_of(topic, sent, clock)


@pytest.mark.parametrize(
    "result",
    [
        classified(label=Label.CASUAL),
        classified(label=Label.EXPLOSION),
        classified(confidence=0.59, events=(Event(Label.SIREN, 0.5, 2.0, 0.59),)),
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


def test_a_gunshot_raises_an_alert_while_the_siren_cools_down(service, topic):
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


def test_a_result_that_is_considered_again_raises_no_second_alert(service, topic, clock):
    assert service.consider(classified("c1"))
    assert not service.consider(classified("c1"))
    clock.now += timedelta(hours=1)
    assert not service.consider(classified("c1")), "also when its cooldown is over"
    assert len(topic.alerts) == 1


def test_without_a_cooldown_each_result_raises_one_alert(topic, sent, clock):
    rules = replace(RULES, cooldown=timedelta())
    service = service_of(topic, sent, clock, rules)
    for clip_id in ("c1", "c1", "c2", "c2"):
        service.consider(classified(clip_id))
    assert [alert.clip_id for alert in topic.alerts] == ["c1", "c2"]


def test_a_suppressed_result_stays_suppressed_when_it_is_considered_again(service, topic, clock):
    service.consider(classified("c1"))
    assert not service.consider(classified("c2"))
    clock.now += timedelta(minutes=6)
    assert not service.consider(classified("c2"))
    assert [alert.clip_id for alert in topic.alerts] == ["c1"]


def test_a_failed_publish_suppresses_no_other_result(service, topic):
    topic.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    assert service.consider(classified("c2")), "the alert of c1 was not sent"


def test_an_alert_that_could_not_be_recorded_is_recorded_when_its_result_comes_again(
    service, topic, sent, clock
):
    sent.fails = 1
    with pytest.raises(UnavailableError):
        service.consider(classified("c1"))
    clock.now += timedelta(seconds=5)
    assert not service.consider(classified("c1"))
    assert [alert.clip_id for alert in topic.alerts] == ["c1"], "it is not sent twice"
    assert sent.times == {"c1": NOON}


def test_each_label_of_a_clip_raises_its_own_alert(service, topic):
    events = (Event(Label.GUNSHOT, 0.0, 1.0, 0.95), Event(Label.SIREN, 3.0, 9.0, 0.8),
              Event(Label.EXPLOSION, 3.0, 9.0, 0.9))  # fmt: skip
    service.consider(classified(label=Label.GUNSHOT, events=events))
    raised = {alert.label: alert.confidence for alert in topic.alerts}
    assert raised == {Label.GUNSHOT: 0.95, Label.SIREN: 0.8}
    assert len({alert.alert_id for alert in topic.alerts}) == 2


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 400)), max_size=40))
def test_whatever_comes_alerts_of_a_source_keep_their_distance(steps):
    topic, clock = Topic(), Clock()
    service = service_of(topic, Sent(), clock)
    sent_at: dict[str, list[datetime]] = {"a": [], "b": []}
    for n, (source, seconds) in enumerate(steps):
        clock.now += timedelta(seconds=seconds)
        if service.consider(classified(f"c{n}", source=source)):
            sent_at[source].append(clock.now)
        assert sent_at[source], "the first detection of a source always raises an alert"
    for times in sent_at.values():
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        assert all(gap >= RULES.cooldown for gap in gaps)


def test_an_uncertain_result_raises_an_alert_only_where_the_rules_say_so(
    service, topic, sent, clock
):
    assert not service.consider(classified(uncertain=True))
    rules = replace(RULES, uncertain=True)
    service = service_of(topic, sent, clock, rules)
    assert service.consider(classified(uncertain=True))
    assert topic.alerts[0].uncertain is True


def test_a_message_holds_the_best_events_of_a_clip_with_very_many():
    events = tuple(Event(Label.SIREN, float(n), n + 1.0, n % 100 / 100) for n in range(9600))
    message = for_message(alert(events=events))
    assert len(message.events) == MAX_EVENTS
    assert {event.confidence for event in message.events} == {0.99}
    assert [e.start_s for e in message.events] == sorted(e.start_s for e in message.events)
    assert len(json.dumps(to_json(message))) < 256 * 1024


def test_a_siren_raises_its_alert_where_the_clips_own_label_is_uncertain(service, topic):
    events = (Event(Label.GUNSHOT, 0.0, 1.44, 0.65), Event(Label.SIREN, 4.8, 9.6, 0.92))
    service.consider(classified(label=Label.GUNSHOT, uncertain=True, events=events))
    (alert,) = topic.alerts
    assert (alert.label, alert.confidence, alert.uncertain) == (Label.SIREN, 0.92, False)


def test_an_alert_and_its_result_state_one_confidence(service, topic):
    split = {Label.SIREN: 0.55, Label.GUNSHOT: 0.43, Label.EXPLOSION: 0.01, Label.CASUAL: 0.01}
    events = (Event(Label.SIREN, 0.0, 2.0, 0.97), Event(Label.GUNSHOT, 1.0, 2.0, 0.95))
    result = classified(probabilities=split, events=events)
    service.consider(result)
    raised = {alert.label: alert.confidence for alert in topic.alerts}
    assert result.classification is not None
    assert raised == {Label.SIREN: result.classification.confidence, Label.GUNSHOT: 0.95}


def test_an_alert_links_the_clip_and_its_classified(service, topic):
    service.consider(classified())
    (alert,) = topic.alerts
    document = to_json(alert)
    assert document["result"] == "/results/c1"
    assert document["clip_url"].startswith("https://api/audio/c1?until=")
    assert document["alerted_at"] == "2026-01-31T12:00:00.000Z"
    assert from_json(document) == alert


def test_a_clip_that_is_not_kept_has_no_link(service, topic):
    service.consider(classified(location=None))
    assert "clip_url" not in to_json(topic.alerts[0])
