"""The changes to ministack are still needed, and do what they are for.

A failure of `TestStock` says that ministack has changed: look whether the change in
`local/launcher.py` can go.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import socketserver
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from ministack.core import lambda_runtime
from ministack.services import dynamodb, lambda_svc

from local import launcher
from local.settings import REPOSITORY


class TestStock:
    def test_delays_small_answers(self) -> None:
        assert socketserver.StreamRequestHandler.disable_nagle_algorithm is False
        handler = lambda_runtime.ProvidedWorker._build_handler_class
        assert "disable_nagle" not in inspect.getsource(handler)

    def test_waits_long_for_log_lines(self) -> None:
        waits = lambda_runtime.Worker._drain_stderr_bounded.__defaults__
        assert waits[0] > launcher.LOG_WAITS_SECONDS[0]
        assert len(waits) == len(launcher.LOG_WAITS_SECONDS)

    def test_gives_up_early_on_slow_starts(self) -> None:
        assert lambda_runtime._PROVIDED_INIT_TIMEOUT < launcher.INIT_TIMEOUT_SECONDS

    def test_refuses_an_invocation_rather_than_let_it_wait(self) -> None:
        assert "Never blocks" in (lambda_svc._acquire_execution_slot.__doc__ or "")

    def test_does_not_say_when_to_come_back(self) -> None:
        refused = lambda_svc._throttle_response("ConcurrentInvocationLimitExceeded", "busy")
        answer, _ = lambda_svc.lambda_execute_result_to_api_proxy_response(refused)
        assert "Retry-After" not in answer["headers"]

    def test_parses_a_key_condition_for_each_row(self) -> None:
        assert "_tokenize(expr)" in inspect.getsource(dynamodb._evaluate_condition)
        assert not hasattr(dynamodb._tokenize, "cache_info")


KEY_CONDITION = "#partition = :partition AND #time BETWEEN :first AND :last"
NAMES = {"#partition": "label", "#time": "timestamp"}


def evaluate(values: dict[str, Any], item: dict[str, Any]) -> Any:
    """What the condition says of a row, or the error that it comes to."""
    try:
        return dynamodb._evaluate_condition(
            KEY_CONDITION, item, values, NAMES, "KeyConditionExpression"
        )
    except ValueError as error:
        return str(error)


@pytest.mark.parametrize("first", ["2026-01-01", "2026-02-01", "2026-03-01"])
@pytest.mark.parametrize(
    "item",
    [
        {"label": {"S": "siren"}, "timestamp": {"S": "2026-02-01"}},
        {"label": {"S": "casual"}, "timestamp": {"S": "2026-02-01"}},
        {"label": {"S": "siren"}, "timestamp": {"N": "2026"}},
        {"label": {"S": "siren"}},
    ],
)
def test_a_quick_query_finds_what_a_slow_one_finds(
    monkeypatch: pytest.MonkeyPatch, item: dict[str, Any], first: str
) -> None:
    values = {":partition": {"S": "siren"}, ":first": {"S": first}, ":last": {"S": "2026-02-15"}}
    slow = evaluate(values, item)
    monkeypatch.setattr(dynamodb, "_evaluate_condition", dynamodb._evaluate_condition)
    launcher.query_quickly()
    assert evaluate(values, item) == slow


class Slots:
    """Stands for ministack's account of who is at work."""

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


def turns(slots: Slots, patience_s: float = 30.0) -> launcher.Turns:
    return launcher.Turns(slots.acquire, slots.release, patience_s)


class TestTurns:
    def test_a_free_slot_is_given_at_once(self) -> None:
        assert turns(Slots(free=1)).acquire({}, {}) == ("slot", None)

    def test_the_limit_of_a_function_is_not_waited_for(self) -> None:
        assert turns(Slots(free=0)).acquire({}, {"reserved": 0}) == (None, "function")

    def test_who_waits_too_long_is_refused_and_leaves_the_queue(self) -> None:
        slots = Slots(free=0)
        queue = turns(slots, patience_s=0.01)
        assert queue.acquire({}, {}) == (None, "account")
        slots.free = 1
        assert queue.acquire({}, {}) == ("slot", None)

    def test_more_calls_than_slots_are_all_served_and_never_more_at_once(self) -> None:
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


def test_installed_ministack_is_the_known_one() -> None:
    launcher.require_known_ministack()


def test_other_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    with pytest.raises(SystemExit, match=r"9\.9\.9 is installed.*make setup"):
        launcher.require_known_ministack()


def test_changes_take_effect() -> None:
    # In a process of its own, because the changes cannot be undone.
    check = (
        "import socketserver; from local import launcher; from ministack.core import "
        "lambda_runtime as runtime; launcher.make_quick(); "
        "print(socketserver.StreamRequestHandler.disable_nagle_algorithm, "
        "runtime.ProvidedWorker._drain_stderr_bounded.__defaults__, "
        "runtime._PROVIDED_INIT_TIMEOUT)"
    )
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    expected = f"True {launcher.LOG_WAITS_SECONDS} {launcher.INIT_TIMEOUT_SECONDS}"
    assert run.stdout.strip() == expected
