"""Invocations that wait for their turn."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local.emulator.turns import Turns
from local.settings import REPOSITORY


class Slots:
    """Stands for the emulator's account of the functions at work, which has no limit of its own."""

    def __init__(self, free: int) -> None:
        self.free = free

    def acquire(self, function: dict[str, Any], config: dict[str, Any]) -> Any:
        if "reserved" in config:
            return None, "function"
        self.free -= 1
        return "slot", None

    def release(self, slot: str | None) -> None:
        self.free += slot is not None


def turns(slots: Slots, patience_s: float = 30.0) -> Turns:
    return Turns(slots.acquire, slots.release, slots.free, patience_s)


def test_a_free_slot_is_given_at_once() -> None:
    assert turns(Slots(free=1)).acquire({}, {}) == ("slot", None)


def test_the_limit_of_a_function_is_not_waited_for() -> None:
    assert turns(Slots(free=1)).acquire({}, {"reserved": 0}) == (None, "function")


def test_who_waits_too_long_is_refused_and_leaves_the_queue() -> None:
    queue = turns(Slots(free=1), patience_s=0.01)
    slot, _ = queue.acquire({}, {})
    assert queue.acquire({}, {}) == (None, "account")
    queue.release(slot)
    assert queue.acquire({}, {}) == ("slot", None)


def test_a_function_that_a_function_invokes_does_not_wait_for_its_callers_slot() -> None:
    """Every slot is held by an api that asks classify which model it serves."""
    queue = turns(Slots(free=1), patience_s=0.01)
    api, _ = queue.acquire({}, {"FunctionName": "api"})
    classify, _ = queue.acquire({}, {"FunctionName": "classify"}, waits=False)
    assert classify is not None
    queue.release(classify)
    assert queue.acquire({}, {"FunctionName": "api"}) == (None, "account"), "still as many at most"
    queue.release(api)
    assert queue.acquire({}, {"FunctionName": "api"}) == ("slot", None)


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


# The patch, in a process of its own. All slots are held, as by api; `Invoke` is asked for one more,
# and then another caller is.
INVOKED_BY_A_FUNCTION = """
import asyncio, os
from local.emulator import patches
from ministack.services import lambda_svc
config = {"FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:1:function:f"}
acquire = lambda: lambda_svc._acquire_execution_slot({}, config)
async def invoke():
    return await asyncio.to_thread(acquire)
lambda_svc._ACCOUNT_CONCURRENCY_CAP = 0
lambda_svc._invoke, patches.TURN_S = invoke, 0.01
patches.take_turns()
held = 0
while acquire()[0]:
    held += 1
slot, _ = asyncio.run(lambda_svc._invoke())
print(held == max(4, 2 * (os.cpu_count() or 1)), slot is not None, acquire()[1])
"""


def test_what_a_function_invokes_does_not_wait_for_a_slot() -> None:
    run = subprocess.run(
        [sys.executable, "-c", INVOKED_BY_A_FUNCTION],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "True True account"
