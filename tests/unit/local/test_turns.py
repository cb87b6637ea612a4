"""Invocations that wait for their turn."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.turns import Turns


class Slots:
    """Stands for the emulator's account of the functions at work."""

    def __init__(self, free: int) -> None:
        self.free = free

    def acquire(self, function: dict[str, Any], config: dict[str, Any]) -> Any:
        if "reserved" in config:
            return None, "function"
        if self.free == 0:
            return None, "account"
        self.free -= 1
        return "slot", None

    def release(self, slot: str | None) -> None:
        self.free += slot is not None


def turns(slots: Slots, patience_s: float = 30.0) -> Turns:
    return Turns(slots.acquire, slots.release, patience_s)


def test_a_free_slot_is_given_at_once() -> None:
    assert turns(Slots(free=1)).acquire({}, {}) == ("slot", None)


def test_the_limit_of_a_function_is_not_waited_for() -> None:
    assert turns(Slots(free=0)).acquire({}, {"reserved": 0}) == (None, "function")


def test_who_waits_too_long_is_refused_and_leaves_the_queue() -> None:
    slots = Slots(free=0)
    queue = turns(slots, patience_s=0.01)
    assert queue.acquire({}, {}) == (None, "account")
    slots.free = 1
    assert queue.acquire({}, {}) == ("slot", None)


def test_more_calls_than_slots_are_all_served_and_never_more_at_once() -> None:
    slots = Slots(free=2)
    queue = turns(slots)
    at_work: list[int] = []
    lock = threading.Lock()

    def call(_: int) -> str | None:
        slot, _limit = queue.acquire({}, {})
        with lock:
            at_work.append(2 - slots.free)
        queue.release(slot)
        return slot

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(call, range(200))) == ["slot"] * 200
    assert max(at_work) <= 2
    assert slots.free == 2


def test_an_invocation_does_not_wait_for_all_of_another_function() -> None:
    """Ten clips wait for the one slot when somebody asks for the health: it comes second."""
    slots = Slots(free=1)
    queue = turns(slots)
    first, _ = queue.acquire({}, {"FunctionName": "classify"})
    served: list[str] = []

    def call(name: str) -> None:
        slot, _limit = queue.acquire({}, {"FunctionName": name})
        served.append(name)
        queue.release(slot)

    def n_waiting() -> int:
        return sum(map(len, queue._waiting.values()))

    with ThreadPoolExecutor(20) as pool:
        for n, name in enumerate([*["classify"] * 10, "api"], start=1):
            pool.submit(call, name)
            while n_waiting() < n:  # in this order
                time.sleep(0.001)
        queue.release(first)
    assert served == ["classify", "api", *["classify"] * 9]
    assert slots.free == 1
