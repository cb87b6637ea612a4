"""deliver's handler: the messages of a batch are posted at once, and each fails alone."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from earshot.errors import UnavailableError
from earshot_alert import deliver

CONTEXT: Any = SimpleNamespace(
    function_name="deliver",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:deliver",
    aws_request_id="request-1",
)


class Dispatcher:
    def __init__(self, work: Callable[[Mapping[str, Any]], str]) -> None:
        self.work = work
        self.waits: list[tuple[str, int]] = []

    def wait_longer(self, receipt_handle: str, receive_count: int) -> None:
        self.waits.append((receipt_handle, receive_count))
        raise UnavailableError("The queue of deliveries")


def batch(*bodies: str) -> dict[str, Any]:
    return {
        "Records": [
            {
                "messageId": f"message {n}",
                "receiptHandle": f"handle {n}",
                "attributes": {"ApproximateReceiveCount": "3"},
                "body": body,
            }
            for n, body in enumerate(bodies)
        ]
    }


def failed(monkeypatch: pytest.MonkeyPatch, dispatcher: Dispatcher, *bodies: str) -> list[str]:
    monkeypatch.setattr(deliver, "dispatcher", lambda: dispatcher)
    answer = deliver.lambda_handler(batch(*bodies), CONTEXT)
    return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


def test_a_batch_is_posted_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them = threading.Barrier(10, timeout=20)

    def work(message: Mapping[str, Any]) -> str:
        all_of_them.wait()
        return f"delivered: {message}"

    assert failed(monkeypatch, Dispatcher(work), *["{}"] * 10) == []


def test_what_fails_comes_again_alone_and_later(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(message: Mapping[str, Any]) -> str:
        if message == {"bad": 1}:
            raise UnavailableError("soc answered 503")
        return "delivered"

    dispatcher = Dispatcher(work)
    bodies = ("{}", json.dumps({"bad": 1}), "no JSON", "{}")
    assert failed(monkeypatch, dispatcher, *bodies) == ["message 1", "message 2"]
    assert sorted(dispatcher.waits) == [("handle 1", 3), ("handle 2", 3)]


def test_a_receiver_that_trickles_does_not_make_the_others_come_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()

    def work(message: Mapping[str, Any]) -> str:
        if message:
            ended.wait(60)
        return "delivered"

    monkeypatch.setattr(deliver, "DEADLINE_S", 2.0)
    try:
        assert failed(monkeypatch, Dispatcher(work), "{}", '{"slow": 1}', "{}") == ["message 1"]
    finally:
        ended.set()
