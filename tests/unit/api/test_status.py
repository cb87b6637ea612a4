"""The status report: asked of everything, but not by each of a crowd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from earshot.errors import UnavailableError
from earshot.operations.status import FRESH_FOR, SERVING_FRESH_FOR, StatusService
from earshot.results.query import Page


class Stack:
    """Everything that Earshot stands on, and a clock; counts how often it is asked."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, tzinfo=UTC)
        self.asked = self.asked_classify = 0
        self.throttled = False

    def now(self) -> datetime:
        return self.time

    def describe_champion(self) -> dict[str, Any]:
        return {"version": "v1"}

    def depths(self) -> dict[str, int]:
        self.asked += 1
        return {"uploads": self.asked}

    def serving(self) -> dict[str, Any]:
        self.asked_classify += 1
        if self.throttled:
            raise UnavailableError("classify")
        return {"version": "v1"}

    def find(self, *_: Any, **__: Any) -> Page:
        return Page([], None)


def test_within_a_second_everything_is_asked_once_and_afterwards_anew() -> None:
    stack: Any = Stack()
    service = StatusService(stack, stack, stack, stack.now, stack.time, stack)
    assert service.report()["queues"] == {"uploads": 1}
    stack.time += FRESH_FOR / 2
    report = service.report()
    assert report["queues"] == {"uploads": 1}
    assert report["uptime_s"] == 0.5
    stack.time += timedelta(seconds=1)
    assert service.report()["queues"] == {"uploads": 2}


def test_what_serves_is_asked_of_classify_now_and_then_and_its_silence_hides_nothing_else() -> None:
    stack: Any = Stack()
    service = StatusService(stack, stack, stack, stack.now, stack.time, stack)
    assert service.report()["serving"] == {"version": "v1"}
    stack.throttled = True
    stack.time += SERVING_FRESH_FOR / 2
    assert service.report()["serving"] == {"version": "v1"}
    stack.time += SERVING_FRESH_FOR
    report = service.report()
    assert report["serving"] is None
    assert report["model"] == {"version": "v1"}
    assert stack.asked_classify == 2
