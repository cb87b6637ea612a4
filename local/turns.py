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
    """Invocations beyond the account's concurrency, waiting in the order in which they came.

    Args:
        acquire: the emulator's own, which never waits.
        release: the emulator's own; takes what `acquire` returned.
        patience_s: seconds until an invocation is refused after all.
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
        """Give a slot back, and let the next invocation try."""
        self._release(slot)
        with self._lock:
            self._call_next()

    def _call_next(self) -> None:
        if self._waiting:
            self._waiting[0].set()
