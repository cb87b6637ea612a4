"""A subscriber of MQTT that remembers what came: for tests and demonstrations."""

from __future__ import annotations

from typing import Any

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion


class Subscriber:
    """Gets all messages of a broker, also those that came while it was away.

    Attributes:
        messages: topic, payload and whether it was retained, in order.
    """

    def __init__(self, port: int) -> None:
        self.messages: list[tuple[str, str, bool]] = []
        self.subscribed = 0
        client = self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="subscriber", clean_session=False
        )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.reconnect_delay_set(1, 1)
        client.connect_async("127.0.0.1", port)
        client.loop_start()

    def payloads(self, ending: str) -> list[str]:
        """Payloads of topics with this ending."""
        return [payload for topic, payload, _ in self.messages if topic.endswith(ending)]

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, *_: Any) -> None:
        client.subscribe("#", 1)

    def _on_subscribe(self, *_: Any) -> None:
        self.subscribed += 1

    def _on_message(self, _: Any, __: Any, message: MQTTMessage) -> None:
        self.messages.append((message.topic, message.payload.decode(), message.retain))
