"""The emulator process: ministack, with what it needs to be quick and to stand a crowd.

Run by `local.process` as `python -m local.launcher`. The changes below reach into ministack, so
they hold for one version of it only; `tests/unit/test_launcher.py` tells when one is not needed
any more.
"""

from __future__ import annotations

import importlib.metadata
import re
import socketserver
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import lambda_runtime
from ministack.services import dynamodb, lambda_svc

MINISTACK_VERSION = "1.5.33"

# How long a function may take to start before it is killed and started a second time. AWS allows
# 10 s; a busy laptop may need longer.
INIT_TIMEOUT_SECONDS = 60.0

# How long to wait for a function's log lines after its answer: for the first line, for another
# one, at most.
LOG_WAITS_SECONDS = (0.005, 0.002, 0.1)

# How long an invocation waits for its turn while as many functions as may are at work. AWS would
# start another execution environment; the HTTP API there gives up after 30 s.
TURN_SECONDS = 25.0
RETRY_AFTER_SECONDS = "1"

# How the results are queried: one partition of an index, and a span of time.
_PARTITION_AND_SPAN = re.compile(r"(#\w+) = (:\w+) AND (#\w+) BETWEEN (:\w+) AND (:\w+)")

# Gives a slot, or None and why there is none: the limit of the function or of the account.
Acquire = Callable[[dict[str, Any], dict[str, Any]], tuple[str | None, str | None]]


class Turns:
    """Invocations beyond the account's concurrency, waiting in the order in which they came.

    Args:
        acquire: ministack's own, which never waits.
        release: ministack's own, given what `acquire` gave.
        patience_s: until an invocation is refused after all.
    """

    def __init__(
        self, acquire: Acquire, release: Callable[[str | None], None], patience_s: float
    ) -> None:
        self._acquire = acquire
        self._release = release
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._waiting: deque[threading.Event] = deque()

    def acquire(
        self, function: dict[str, Any], config: dict[str, Any]
    ) -> tuple[str | None, str | None]:
        """A slot, if need be after a wait."""
        deadline = time.monotonic() + self._patience_s
        turn = threading.Event()
        with self._lock:
            if not self._waiting:
                slot, limit = self._acquire(function, config)
                if limit != "account":
                    return slot, limit
            self._waiting.append(turn)
        while True:
            on_time = turn.wait(max(0.0, deadline - time.monotonic()))
            with self._lock:
                turn.clear()
                slot, limit = None, "account"
                if self._waiting[0] is turn:
                    slot, limit = self._acquire(function, config)
                if limit != "account" or not on_time:
                    self._waiting.remove(turn)
                    self._call_next()
                    return slot, limit

    def release(self, slot: str | None) -> None:
        """Give a slot back, and let the next one try."""
        self._release(slot)
        with self._lock:
            self._call_next()

    def _call_next(self) -> None:
        if self._waiting:
            self._waiting[0].set()


def require_known_ministack() -> None:
    found = importlib.metadata.version("ministack")
    if found != MINISTACK_VERSION:
        raise SystemExit(
            f"The local stack is made for ministack {MINISTACK_VERSION}, but {found} is installed. "
            "Install the pinned requirements again (make setup)."
        )


def make_quick() -> None:
    """Take a warm call of a function from 100 ms to 12 ms, and forgive slow starts."""
    # Nagle's algorithm holds back the small answers of the Lambda Runtime API by 40 ms each.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = LOG_WAITS_SECONDS
    lambda_runtime._PROVIDED_INIT_TIMEOUT = INIT_TIMEOUT_SECONDS


def take_turns() -> None:
    """Let invocations wait for a free slot; who is refused after all is told when to come back."""
    turns = Turns(
        lambda_svc._acquire_execution_slot,
        lambda_svc._release_execution_slot,
        TURN_SECONDS,
    )
    lambda_svc._acquire_execution_slot = turns.acquire
    lambda_svc._release_execution_slot = turns.release
    answer_of = lambda_svc.lambda_execute_result_to_api_proxy_response

    def with_retry_after(result: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        answer, log = answer_of(result)
        if answer and result.get("throttle"):
            answer["headers"]["Retry-After"] = RETRY_AFTER_SECONDS
        return answer, log

    lambda_svc.lambda_execute_result_to_api_proxy_response = with_retry_after


def query_quickly() -> None:
    """Compare keys rather than parse the expression anew for each row of an index.

    Of a table with 2000 results, a query for the newest takes 200 ms otherwise, in which the
    emulator does nothing else.
    """
    evaluate = dynamodb._evaluate_condition

    def evaluate_quickly(
        expression: str,
        item: dict[str, dict[str, str]],
        values: dict[str, dict[str, str]],
        names: dict[str, str],
        slot: str = "ConditionExpression",
    ) -> bool:
        if match := _PARTITION_AND_SPAN.fullmatch(expression or ""):
            try:
                first, last = values[match[4]]["S"], values[match[5]]["S"]
                if first <= last:
                    same = item[names[match[1]]] == values[match[2]]
                    return same and first <= item[names[match[3]]]["S"] <= last
            except KeyError:
                pass  # another type, or something is missing: ministack knows what to say
        found: bool = evaluate(expression, item, values, names, slot)
        return found

    dynamodb._evaluate_condition = evaluate_quickly


def main() -> None:
    require_known_ministack()
    make_quick()
    take_turns()
    query_quickly()
    app.main()


if __name__ == "__main__":
    main()
