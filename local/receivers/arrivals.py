"""Where the alerts of a demonstration arrive: at a webhook, and at an MQTT client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from earshot.labels import Label
from earshot.times import parse_time
from local.receivers.deliveries import also_delivered
from local.receivers.mosquitto import PROGRAM, Mosquitto, bridge
from local.receivers.subscriber import Subscriber
from local.receivers.webhooks import Receiver, receiver


class Arrivals:
    """What arrives: at a webhook, and at an MQTT client behind a bridge where there is a broker.

    Args:
        source: whose alerts count.
        hook: of the webhook.
        subscriber: the MQTT client; None without a broker.
    """

    def __init__(self, source: str, hook: Receiver, subscriber: Subscriber | None) -> None:
        self.ways = "webhook and MQTT" if subscriber else "webhook"
        self._source = source
        self._hook = hook
        self._subscriber = subscriber

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that came by the webhook."""
        return [one for one in self._hook.details() if one["source"] == self._source]

    def are(self, *labels: Label) -> list[dict[str, Any]] | None:
        """The alerts, once they are about these labels in this order, by each way."""
        found = [self.alerts()]
        if self._subscriber:
            came = [json.loads(payload) for payload in self._subscriber.payloads("/alert")]
            found.append([one for one in came if one["source"] == self._source])
        by_time = [sorted(one, key=lambda alert: str(alert["alerted_at"])) for one in found]
        good = all([alert["label"] for alert in one] == [*labels] for one in by_time)
        return by_time[0] if good else None

    def fault(self, since: datetime) -> dict[str, Any] | None:
        """The alert of a time about the source itself, once each way has brought it."""
        found = [self._hook.details("Earshot Source Fault")]
        if self._subscriber:
            payloads = self._subscriber.payloads("/problem/attributes")
            came = [json.loads(payload) for payload in payloads]
            found.append([one for one in came if one["kind"] == "source_fault"])
        faults = [
            [one for one in way if one["source"] == self._source and parse_time(one["at"]) > since]
            for way in found
        ]
        return faults[0][0] if all(faults) else None


@contextmanager
def arrivals(outputs: dict[str, Any], source: str, folder: Path) -> Iterator[Arrivals]:
    """A webhook that gets a stack's alerts, and a broker, a bridge and an MQTT client."""
    with receiver() as hook:
        entry = {"name": "listen-demo", "kind": "webhook", "url": hook.url, "key": "demo"}
        with also_delivered(outputs, entry):
            if PROGRAM is None:
                Console().print("mosquitto is missing, so MQTT is not shown: apt install mosquitto")
                yield Arrivals(source, hook, None)
                return
            with _mqtt(outputs, folder) as subscriber:
                yield Arrivals(source, hook, subscriber)


@contextmanager
def _mqtt(outputs: dict[str, Any], folder: Path) -> Iterator[Subscriber]:
    broker = Mosquitto(folder)
    subscriber = Subscriber(broker.port)
    running = bridge(broker, outputs)
    try:
        yield subscriber
    finally:
        running.terminate()
        running.wait(30)
        subscriber.close()
        broker.stop()
