"""Sends the bus's events to webhooks: one message of a queue for each event and delivery."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import urllib3

from earshot.alerts.deliveries import Delivery, id_of, post_of
from earshot.aws.errors import unavailable_on_failure
from earshot.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_PATIENCE_S = 10.0
_AT_ONCE = 10  # messages of a batch
# A failed delivery is tried again after 5 s, 10 s, 20 s, … and 15 minutes at most.
_FIRST_WAIT_S, _LONGEST_WAIT_S = 5, 900


class Dispatcher:
    """Works on messages of the queue of deliveries.

    An event comes as EventBridge wrote it. Where several deliveries want it, it becomes a message
    for each, so that one that fails is tried again alone. A crash in between makes those messages
    twice; receivers know a repetition by the header ``Earshot-Delivery``. Threads may share one.

    Args:
        sqs: client.
        queue_url: of the queue.
        deliveries: gives the list.
        now: the time.
    """

    def __init__(
        self,
        sqs: SQSClient,
        queue_url: str,
        deliveries: Callable[[], list[Delivery]],
        now: Callable[[], datetime],
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._deliveries = deliveries
        self._now = now
        self._http = urllib3.PoolManager(timeout=_PATIENCE_S, retries=False, maxsize=_AT_ONCE)

    def work(self, message: Mapping[str, Any]) -> str:
        """Work on a message's JSON; what was done, for the log.

        Raises:
            DeliveriesError: the list of deliveries makes no sense.
            UnavailableError: the queue failed, or the receiver did not take the event.
        """
        if "delivery" not in message:
            return self._fan_out(message)
        name, event = message["delivery"], message["event"]
        found = next((one for one in self._deliveries() if one.name == name), None)
        if found is None:
            return f"{name} is no delivery any more"
        return self._deliver(found, event)

    def wait_longer(self, receipt_handle: str, receive_count: int) -> None:
        """Let a message that failed wait, longer with each time. Raises `UnavailableError`."""
        wait = min(_FIRST_WAIT_S * 2 ** max(receive_count - 1, 0), _LONGEST_WAIT_S)
        with unavailable_on_failure("The queue of deliveries"):
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=receipt_handle, VisibilityTimeout=wait
            )

    def _fan_out(self, event: Mapping[str, Any]) -> str:
        found = [one for one in self._deliveries() if one.wants(event["detail"])]
        if len(found) == 1:
            return self._deliver(found[0], event)
        wanted = [one.name for one in found]
        for name in wanted:
            body = json.dumps({"delivery": name, "event": event})
            with unavailable_on_failure("The queue of deliveries"):
                self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=body)
        return f"{id_of(event['detail'])} for {', '.join(wanted) or 'nobody'}"

    def _deliver(self, delivery: Delivery, event: Mapping[str, Any]) -> str:
        post = post_of(delivery, event["detail-type"], event["detail"], self._now())
        try:
            answer = self._http.request(
                "POST", post.url, body=post.body, headers=post.headers, redirect=False
            )
        except urllib3.exceptions.HTTPError as error:
            # Without the address, which may hold a secret.
            kind = type(error).__name__
            raise UnavailableError(f"{delivery.name} cannot be reached: {kind}") from None
        if not 200 <= answer.status < 300:
            said = answer.data[:200].decode(errors="replace")
            raise UnavailableError(f"{delivery.name} answered {answer.status}: {said}")
        return f"delivered to {delivery.name}: {id_of(event['detail'])}"
