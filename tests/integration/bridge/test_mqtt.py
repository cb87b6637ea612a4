"""`earshot bridge mqtt` between the local stack and a real mosquitto."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt import publish

from earshot.results.table import ResultsTable
from local.receivers.mosquitto import PROGRAM, Mosquitto
from local.receivers.mosquitto import bridge as start_bridge
from local.receivers.subscriber import Subscriber
from tests.integration.alerts.test_alerting import detection
from tests.stack import LocalStack, messages, wait_for

pytestmark = pytest.mark.skipif(
    PROGRAM is None, reason="mosquitto is missing; on Debian: sudo apt install mosquitto"
)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    opened = Mosquitto(tmp_path)
    yield opened
    opened.stop()


@pytest.fixture
def subscriber(broker: Mosquitto) -> Iterator[Subscriber]:
    opened = Subscriber(broker.port)
    wait_for(lambda: opened.subscribed, 10)
    yield opened
    opened.close()


@pytest.fixture
def bridge(local_stack: LocalStack, broker: Mosquitto) -> Iterator[subprocess.Popen[bytes]]:
    outputs = local_stack.outputs
    # Alerts of other tests, hundreds of them, wait there too.
    local_stack.client("sqs").purge_queue(QueueUrl=outputs["BridgeQueueUrl"])
    process = start_bridge(broker, outputs)
    yield process
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0


def test_a_subscriber_that_is_away_while_the_broker_restarts_gets_what_came(
    broker: Mosquitto, subscriber: Subscriber
) -> None:
    subscriber.close()
    broker.stop()
    broker.start()
    publish.single("a", "b", qos=1, hostname="127.0.0.1", port=broker.port)
    back = Subscriber(broker.port)
    wait_for(lambda: back.messages == [("a", "b", False)], 10)
    back.close()


@pytest.mark.long
def test_alerts_come_to_home_assistant_and_none_is_lost_with_a_broker_that_restarts(
    local_stack: LocalStack,
    broker: Mosquitto,
    subscriber: Subscriber,
    bridge: subprocess.Popen[bytes],
) -> None:
    table = ResultsTable(local_stack.client("dynamodb"), local_stack.outputs["ResultsTableName"])
    place = {"place": "by the lake", "name": "Bridge", "cooldown_s": 0}
    assert local_stack.call("PUT", "/sources/mqtt 1", place)[0] == 200

    def alerted() -> list[str]:
        found = [json.loads(payload) for payload in subscriber.payloads("/alert")]
        return [one["clip_id"] for one in found if one["source"] == "mqtt 1"]

    first = detection("mqtt 1", 1)
    table.save(first)
    wait_for(lambda: alerted() == [first.clip_id], 40)
    (siren,) = (
        json.loads(payload)
        for topic, payload, _ in subscriber.messages
        if topic.startswith("homeassistant/binary_sensor/earshot_mqtt_1_")
        and topic.endswith("_siren/config")
    )
    assert siren["device"]["suggested_area"] == "by the lake"
    state, attributes = siren["state_topic"], siren["json_attributes_topic"]
    wait_for(lambda: subscriber.payloads(state) == ["ON"], 10)
    assert json.loads(subscriber.payloads(attributes)[0])["clip_id"] == first.clip_id
    assert subscriber.payloads("bridge/availability")[-1] == "online"

    broker.stop()
    more = [detection("mqtt 1", n) for n in (2, 3)]
    for result in more:
        table.save(result)
    wait_for(lambda: messages(local_stack, "BridgeQueueUrl") >= 2, 40)
    broker.start()
    wait_for(lambda: len(alerted()) >= 3, 60)
    wait_for(lambda: messages(local_stack, "BridgeQueueUrl") == 0, 60)
    assert sorted(alerted()) == sorted(one.clip_id for one in (first, *more))

    bridge.send_signal(signal.SIGTERM)
    assert bridge.wait(20) == 0
    wait_for(lambda: subscriber.payloads("bridge/availability")[-1] == "offline", 10)
