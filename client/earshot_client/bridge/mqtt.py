"""The bridge: a queue of the bus's events to MQTT.

Why a queue: it keeps alerts while the bridge, the broker or the line is down, and the bridge asks
for them, so nobody needs to reach it from outside. A webhook would have to be reachable, and keeps
nothing.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from earshot_client.bridge.broker import Broker
from earshot_client.bridge.home_assistant import discovery, messages_of

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LONG_POLL_S = 10
_RECENT = 1000
_PAUSE_S = 5.0
FRESH = timedelta(minutes=10)


class Bridge:
    """Publishes each event of the queue, and deletes it once the broker has it.

    An event that comes again, because the bridge was killed in between or the queue delivers twice,
    is published once as long as this process remembers it.

    Args:
        sqs: client.
        queue_url: of the queue.
        broker: that events go to.
        said: is called with what happens, for a person.
    """

    def __init__(
        self, sqs: SQSClient, queue_url: str, broker: Broker, said: Callable[[str], None]
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._broker = broker
        self._said = said
        self._sources: dict[str, tuple[str, str]] = {}
        self._recent: deque[str] = deque(maxlen=_RECENT)
        self._failing = False

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set."""
        while not stop.is_set():
            for message in self._receive(stop):
                if stop.is_set():
                    return  # the queue gives the rest to the next bridge
                if self._publish(message, stop):
                    self._delete(message)

    def _receive(self, stop: threading.Event) -> list[Any]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=_LONG_POLL_S
            )
        except (BotoCoreError, ClientError) as error:
            if not self._failing:
                self._said(f"the queue cannot be read: {error}; trying again")
            self._failing = True
            stop.wait(_PAUSE_S)
            return []
        if self._failing:
            self._said("the queue can be read again")
        self._failing = False
        return list(answer.get("Messages", []))

    def _publish(self, message: Any, stop: threading.Event) -> bool:
        try:
            detail = json.loads(message["Body"])["detail"]
            if "digest_id" in detail:
                return True  # it is for people
            key = detail.get("alert_id") or f"{detail['source']} {detail['kind']} {detail['at']}"
            at = datetime.fromisoformat(detail.get("alerted_at") or detail["at"])
            wanted = messages_of(detail, fresh=datetime.now(UTC) - at < FRESH)
        except (KeyError, TypeError, ValueError) as error:
            self._said(f"a message is no event and is passed over: {error!r}")
            return True
        if key in self._recent:
            return True
        source = detail["source"]
        about = detail.get("source_name") or detail.get("name", ""), detail.get("place", "")
        if self._broker.reconnected.is_set():  # it may have forgotten what it was to retain
            self._broker.reconnected.clear()
            for known, (name, place) in self._sources.items():
                wanted = [*discovery(known, name, place), *wanted]
        if self._sources.get(source) != about:
            self._sources[source] = about
            wanted = [*discovery(source, *about), *wanted]
        if not self._broker.publish(wanted, stop):
            return False
        self._recent.append(key)
        self._said(f"{detail.get('label') or detail['kind']} at {source}")
        return True

    def _delete(self, message: Any) -> None:
        try:
            self._sqs.delete_message(
                QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"]
            )
        except (BotoCoreError, ClientError) as error:
            self._said(f"a message cannot be deleted and will come again: {error}")
