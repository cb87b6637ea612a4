"""A queue for function invocations beyond the emulator's concurrency limit."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

# Gives a slot, or None and which limit is reached: that of the function or of the account.
Acquire = Callable[[dict[str, Any], dict[str, Any]], tuple[str | None, str | None]]


class Turns:
    """Invocations beyond so many at a time, waiting for a slot.

    Those of one function get slots in the order in which they came, and functions take turns: on
    AWS each has environments of its own, and no answer of api waits for a hundred clips.

    A function that invokes another keeps its own slot meanwhile. If the other had to wait, all
    slots could be held by functions that wait for one: so it does not.

    Args:
        acquire: the emulator's own, which never waits.
        release: the emulator's own; takes what `acquire` returned.
        at_most: invocations at work at a time, but for those that do not wait.
        patience_s: seconds until an invocation is refused after all.
    """

    def __init__(
        self,
        acquire: Acquire,
        release: Callable[[str | None], None],
        at_most: int,
        patience_s: float,
    ) -> None:
        self._acquire = acquire
        self._release = release
        self._at_most = at_most
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._at_work = 0
        # Of each function that somebody waits for, the one whose turn it is first.
        self._waiting: dict[str, deque[threading.Event]] = {}

    def acquire(
        self, function: dict[str, Any], config: dict[str, Any], *, waits: bool = True
    ) -> tuple[str | None, str | None]:
        """A slot, if need be after a wait."""
        deadline = time.monotonic() + self._patience_s
        turn, name = threading.Event(), str(config.get("FunctionName"))
        with self._lock:
            if not waits or (not self._waiting and self._at_work < self._at_most):
                return self._start(function, config)
            self._waiting.setdefault(name, deque()).append(turn)
        while True:
            on_time = turn.wait(max(0.0, deadline - time.monotonic()))
            with self._lock:
                turn.clear()
                its_turn = self._next() is turn and self._at_work < self._at_most
                if its_turn or not on_time:
                    self._leave(name, turn)
                    found = self._start(function, config) if its_turn else (None, "account")
                    self._call_next()
                    return found

    def release(self, slot: str | None) -> None:
        """Give a slot back, and let the next invocation try."""
        self._release(slot)
        with self._lock:
            self._at_work -= slot is not None
            self._call_next()

    def _start(
        self, function: dict[str, Any], config: dict[str, Any]
    ) -> tuple[str | None, str | None]:
        slot, limit = self._acquire(function, config)
        self._at_work += slot is not None
        return slot, limit

    def _next(self) -> threading.Event | None:
        for waiting in self._waiting.values():
            return waiting[0]
        return None

    def _leave(self, name: str, turn: threading.Event) -> None:
        """Take an invocation out, and have its function wait for its next turn."""
        waiting = self._waiting.pop(name)
        waiting.remove(turn)
        if waiting:
            self._waiting[name] = waiting

    def _call_next(self) -> None:
        if turn := self._next():
            turn.set()
