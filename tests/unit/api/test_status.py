"""The status report: asked of everything, but not by each of a crowd."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from earshot.operations.status import FRESH_FOR, StatusService
from earshot.results.query import Page


class Stack:
    """Everything that Earshot stands on, and a clock; counts how often it is asked."""

    def __init__(self) -> None:
        self.time = datetime(2026, 1, 31, tzinfo=UTC)
        self.asked = 0

    def now(self) -> datetime:
        return self.time

    def describe_champion(self) -> dict[str, Any]:
        return {"version": "v1"}

    def depths(self) -> dict[str, int]:
        self.asked += 1
        return {"uploads": self.asked}

    def find(self, *_: Any, **__: Any) -> Page:
        return Page([], None)


def test_within_a_second_everything_is_asked_once_and_afterwards_anew() -> None:
    stack: Any = Stack()
    service = StatusService(stack, stack, stack, stack.now, stack.time)
    assert service.report()["queues"] == {"uploads": 1}
    stack.time += FRESH_FOR / 2
    report = service.report()
    assert report["queues"] == {"uploads": 1}
    assert report["uptime_s"] == 0.5
    stack.time += timedelta(seconds=1)
    assert service.report()["queues"] == {"uploads": 2}
