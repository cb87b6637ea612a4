"""What the bridge publishes: topics, and Home Assistant's discovery of them.

Sources: Home Assistant, "MQTT" (discovery), "MQTT binary sensor", "MQTT event".
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

BASE = "earshot"
DISCOVERY = "homeassistant"
AVAILABILITY = f"{BASE}/bridge/availability"
THREATS = ("gunshot", "explosion", "siren")
# After an alert, Home Assistant's sensor is on for so long.
ON_S = 60


@dataclass(frozen=True)
class Message:
    """A message of MQTT.

    Attributes:
        topic, payload: of it.
        retained: the broker gives it to whoever subscribes later.
    """

    topic: str
    payload: str
    retained: bool = False


def topic_of(source: str) -> str:
    """A source as part of a topic: readable, and no other source's."""
    readable = re.sub(r"[^a-z0-9]+", "_", source.lower()).strip("_")[:40]
    return f"{readable}_{hashlib.sha256(source.encode()).hexdigest()[:6]}"


def discovery(source: str, name: str, place: str) -> list[Message]:
    """Messages that make a source a device of Home Assistant.

    It has a binary sensor for each threat, an event entity for all alerts, and a binary sensor that
    reports a fault of the source.
    """
    place_of_it = topic_of(source)
    base = f"{BASE}/{place_of_it}"
    shared = {
        "availability_topic": AVAILABILITY,
        "device": {
            "identifiers": [f"{BASE}_{place_of_it}"],
            "name": name or source,
            "manufacturer": "Earshot",
            **({"suggested_area": place} if place else {}),
        },
    }

    def config(kind: str, entity: str, **fields: Any) -> Message:
        unique = f"{BASE}_{place_of_it}_{entity}"
        document = {"unique_id": unique, "qos": 1, **shared, **fields}
        return Message(f"{DISCOVERY}/{kind}/{unique}/config", json.dumps(document), True)

    sensors = [
        config(
            "binary_sensor",
            label,
            name=label.capitalize(),
            device_class="sound",
            state_topic=f"{base}/{label}/state",
            json_attributes_topic=f"{base}/{label}/attributes",
            off_delay=ON_S,
        )
        for label in THREATS
    ]
    labels = ["casual", *THREATS]
    alerts = config(
        "event",
        "alert",
        name="Alert",
        event_types=labels,
        state_topic=f"{base}/alert",
    )
    problem = config(
        "binary_sensor",
        "problem",
        name="Microphone",
        device_class="problem",
        state_topic=f"{base}/problem/state",
        json_attributes_topic=f"{base}/problem/attributes",
    )
    return [*sensors, alerts, problem]


def messages_of(detail: Mapping[str, Any], *, fresh: bool) -> list[Message]:
    """Messages of an event of the bus, given its detail.

    Args:
        detail: as its schema says.
        fresh: it is news; what waited for long turns no sensor on.
    """
    base, attributes = f"{BASE}/{topic_of(detail['source'])}", json.dumps(detail)
    if "label" not in detail:
        state = "ON" if detail["kind"] == "source_fault" else "OFF"
        return [
            Message(f"{base}/problem/attributes", attributes, True),
            Message(f"{base}/problem/state", state, True),
        ]
    label = detail["label"]
    event = json.dumps({"event_type": label, **detail})
    on = [Message(f"{base}/{label}/state", "ON")] if fresh else []
    return [
        Message(f"{base}/{label}/attributes", attributes, True),
        Message(f"{base}/alert", event),
        *on,
    ]
