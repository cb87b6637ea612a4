"""Messages of the queue of deliveries: each receiver gets its own, and is tried again alone."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3

from earshot.alerts.deliveries import Delivery, deliveries_from
from earshot.alerts.dispatch import Dispatcher
from earshot.errors import UnavailableError
from tests.unit.alerts.test_bus import alerted
from tests.unit.sample_results import NOON

EVENT = {"detail-type": "Earshot Alert", "detail": alerted().detail}


class Queue:
    def __init__(self) -> None:
        self.sent: list[Any] = []
        self.waits: list[int] = []

    def send_message(self, **request: str) -> None:
        self.sent.append(json.loads(request["MessageBody"]))

    def change_message_visibility(self, **request: Any) -> None:
        self.waits.append(request["VisibilityTimeout"])


class Receivers:
    """As urllib3's pool: answers with a status, or fails."""

    def __init__(self) -> None:
        self.urls: list[str] = []
        self.status = 200

    def request(self, method: str, url: str, **_: Any) -> Any:
        self.urls.append(url)
        if self.status == 0:
            raise urllib3.exceptions.ConnectTimeoutError(f"no answer of {url}")
        return SimpleNamespace(status=self.status, data=b"too busy")


ONE = Delivery("one", "webhook", "https://one.example/secret-path")
TWO = Delivery("two", "slack", "https://two.example/secret-path")


@pytest.fixture
def http(monkeypatch: pytest.MonkeyPatch) -> Receivers:
    receivers = Receivers()
    monkeypatch.setattr(urllib3, "PoolManager", lambda **_: receivers)
    return receivers


def dispatcher(queue: Any, *deliveries: Delivery) -> Dispatcher:
    return Dispatcher(queue, "url", lambda: [*deliveries], lambda: NOON)


def test_one_receiver_is_posted_to_at_once_and_several_by_messages_of_their_own(
    http: Receivers,
) -> None:
    queue = Queue()
    assert dispatcher(queue, ONE).work(EVENT).startswith("delivered to one")
    assert (http.urls, queue.sent) == ([ONE.url], [])
    work = dispatcher(queue, ONE, TWO).work
    assert "for one, two" in work(EVENT)
    assert [message["delivery"] for message in queue.sent] == ["one", "two"]
    for message in queue.sent:
        work(message)
    assert http.urls == [ONE.url, ONE.url, TWO.url]


@pytest.mark.parametrize(
    ("status", "words"), [(0, "cannot be reached"), (503, "answered 503: too busy"), (302, "302")]
)
def test_a_receiver_that_does_not_take_it_is_named_without_its_address(
    http: Receivers, status: int, words: str
) -> None:
    http.status = status
    with pytest.raises(UnavailableError, match=f"one .*{words}") as failure:
        dispatcher(Queue(), ONE).work(EVENT)
    assert "secret-path" not in str(failure.value)


def test_what_nobody_wants_and_what_was_taken_out_is_done() -> None:
    queue = Queue()
    assert dispatcher(queue).work(EVENT).endswith("for nobody")
    message = {"delivery": "old", "event": EVENT}
    assert "no delivery any more" in dispatcher(queue).work(message)
    assert deliveries_from("[]") == []


def test_waits_grow_to_a_quarter_of_an_hour() -> None:
    queue = Queue()
    for count in (1, 2, 3, 12):
        dispatcher(queue).wait_longer("handle", count)
    assert queue.waits == [5, 10, 20, 900]
