"""A connection to an MQTT broker that outlives the broker's restarts."""

from __future__ import annotations

import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote, urlsplit

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from earshot_client.bridge.home_assistant import AVAILABILITY, Message

_PORTS = {"mqtt": 1883, "mqtts": 8883}
_QOS = 1  # at least once


class BrokerError(Exception):
    """The broker cannot be used; the message says why."""


class Broker:
    """An MQTT broker. Its last will says that the bridge is offline.

    Args:
        url: such as ``mqtt://user:password@host:1883``, or ``mqtts://…`` with TLS.
        said: is called with what happens, for a person.

    Raises:
        BrokerError: the address is none.
    """

    def __init__(self, url: str, said: Callable[[str], None]) -> None:
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise BrokerError(f"{url!r} is no address such as mqtt://host:1883.")
        self._said = said
        self._connected = threading.Event()
        self._trouble: str | None = None
        self._acknowledged: set[int] = set()
        self.reconnected = threading.Event()
        client = self._client = Client(CallbackAPIVersion.VERSION2, reconnect_on_failure=True)
        if parts.username:
            client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
        if parts.scheme == "mqtts":
            client.tls_set(cert_reqs=ssl.CERT_REQUIRED)
        client.will_set(AVAILABILITY, "offline", _QOS, retain=True)
        client.reconnect_delay_set(1, 30)
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        port = parts.port or _PORTS[parts.scheme]
        self._address = f"{parts.hostname}:{port}"
        client.connect_async(parts.hostname, port, keepalive=30)
        client.loop_start()

    def publish(self, messages: Sequence[Message], stop: threading.Event) -> bool:
        """Publish messages; True once the broker has acknowledged all, False if stopped before.

        What is not acknowledged when the connection breaks is sent again after it.
        """
        while not self._connected.wait(0.2):
            if stop.is_set():
                return False
        self._acknowledged.clear()
        infos: list[MQTTMessageInfo] = [
            self._client.publish(one.topic, one.payload, _QOS, one.retained) for one in messages
        ]
        wanted = {info.mid for info in infos}
        while not wanted <= self._acknowledged:
            if stop.wait(0.02):
                return False
        return True

    def close(self) -> None:
        """Say goodbye and disconnect."""
        if self._connected.is_set():
            self._client.publish(AVAILABILITY, "offline", _QOS, True).wait_for_publish(2.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Client, _: Any, __: Any, reason: Any, ___: Any) -> None:
        if reason.is_failure:
            self._say_once(f"{self._address} refuses the connection: {reason}; trying again")
            return
        client.publish(AVAILABILITY, "online", _QOS, retain=True)
        self._trouble = None
        self._said(f"connected to {self._address}")
        self.reconnected.set()
        self._connected.set()

    def _on_connect_fail(self, _: Any, __: Any) -> None:
        # paho calls this while it handles the error, and does not pass it.
        _, error, _ = sys.exc_info()
        reason = (isinstance(error, OSError) and error.strerror) or error
        self._say_once(f"{self._address} does not answer: {reason}; trying again, alerts wait")

    def _say_once(self, trouble: str) -> None:
        """Tries come every 30 s, for hours if need be: the same trouble is said once."""
        if trouble != self._trouble:
            self._said(trouble)
        self._trouble = trouble

    def _on_disconnect(self, _: Any, __: Any, ___: Any, reason: Any, ____: Any) -> None:
        if self._connected.is_set() and reason.is_failure:
            self._said(f"the broker is gone ({reason}); trying again, alerts wait")
        self._connected.clear()

    def _on_publish(self, _: Any, __: Any, mid: int, ___: Any, ____: Any) -> None:
        self._acknowledged.add(mid)
