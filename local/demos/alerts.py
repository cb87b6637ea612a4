"""Alerts of the demonstration's stack, as a subscriber of its topic gets them."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from rich.text import Text

from earshot.labels import Label
from local.receivers.alert_queue import alert_queue

PATIENCE_S = 10


class Subscriber:
    """A queue that is subscribed to the topic of alerts."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def alerts(self, wanted: Collection[Label]) -> Iterator[dict[str, Any]]:
        """Alerts as they come, until one of each label has come, or none for a while."""
        missing, last = set(wanted), time.monotonic()
        while missing and time.monotonic() - last < PATIENCE_S:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=1
            )
            for message in answer.get("Messages", []):
                last = time.monotonic()
                alert = json.loads(message["Body"])
                missing.discard(Label(alert["label"]))
                self._sqs.delete_message(
                    QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"]
                )
                yield alert


@contextmanager
def subscribed(sns: Any, sqs: Any, topic: str) -> Iterator[Subscriber]:
    """A subscriber of a topic."""
    with alert_queue(sns, sqs, topic, "earshot-demo-alerts") as url:
        yield Subscriber(sqs, url)


def sentence(alert: dict[str, Any], name: str) -> Text:
    """An alert in a line.

    Args:
        alert: as the topic sends it.
        name: of the recording.
    """
    label = Label(alert["label"])
    begin = alert["events"][0]["start_s"] if alert["events"] else 0.0
    return Text.assemble(
        ("ALERT ", "bold red"),
        (str(label), "bold"),
        f" at {alert['source']}, {begin:.1f} s into {name}, confidence {alert['confidence']:.2f}",
    )
