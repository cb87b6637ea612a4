"""What the bridge publishes, and which address is one of a broker."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from earshot_client.bridge.broker import Broker, BrokerError
from earshot_client.bridge.home_assistant import Message, discovery, messages_of, topic_of
from tests.unit.alerts.test_bus import alerted
from tests.unit.alerts.test_deliveries import FAULT


def by_topic(messages: list[Message], pick: Callable[[Message], Any]) -> dict[str, Any]:
    return {one.topic.partition("/")[2].partition("/")[2]: pick(one) for one in messages}


def test_an_alert_turns_its_sensor_on_and_is_not_repeated_to_whoever_comes_later():
    messages = messages_of(alerted().detail, fresh=True)
    retained = by_topic(messages, lambda one: one.retained)
    assert retained == {"siren/attributes": True, "alert": False, "siren/state": False}
    event = json.loads(by_topic(messages, lambda one: one.payload)["alert"])
    assert (event["event_type"], event["place"]) == ("siren", "by the lake")


def test_what_waited_for_long_turns_no_sensor_on():
    topics = by_topic(messages_of(alerted().detail, fresh=False), lambda one: one.payload)
    assert topics.keys() == {"siren/attributes", "alert"}


@pytest.mark.parametrize(("kind", "state"), [("source_fault", "ON"), ("source_recovered", "OFF")])
def test_a_fault_is_a_problem_until_it_is_over(kind, state):
    messages = messages_of({**FAULT.detail, "kind": kind}, fresh=False)
    assert messages[-1].payload == state
    assert all(one.retained for one in messages)


def test_discovery_names_the_topics_that_are_published():
    configs = [json.loads(one.payload) for one in discovery("gate", "", "")]
    assert len({one["unique_id"] for one in configs}) == len(configs) == 5
    named = {one["state_topic"] for one in configs}
    named |= {one["json_attributes_topic"] for one in configs if "json_attributes_topic" in one}
    for detail in (alerted().detail, FAULT.detail):
        assert {one.topic for one in messages_of(detail, fresh=True)} <= named
    assert all(one["availability_topic"] == "earshot/bridge/availability" for one in configs)


def test_two_sources_share_no_topic():
    names = ["north gate", "North Gate", "north/gate", "Nordtor äöü", "北門"]
    topics = {topic_of(name) for name in names}
    assert len(topics) == len(names)
    assert not any(c in topic for topic in topics for c in "/+# ")


@pytest.mark.parametrize("url", ["broker", "http://broker", "mqtt://", "mqtt:broker"])
def test_an_address_of_no_broker_is_refused_in_words(url):
    with pytest.raises(BrokerError, match="mqtt://host:1883"):
        Broker(url, print)
