"""Whether a function of the emulator has logged anything that the emulator has not read yet."""

from __future__ import annotations

import array
import fcntl
import termios
import time
from collections.abc import Callable
from typing import Any

# Between the two looks: a line that was read, and is not in the queue yet, is there by then.
_APART_S = 0.0005


def drain_quickly(
    drain: Callable[..., str], waits_s: tuple[float, float, float]
) -> Callable[..., str]:
    """The emulator's wait for log lines with other waits, and none where nothing was written."""

    def drain_or_not(
        worker: Any, first_line_wait: float = 0, idle_confirm: float = 0, hard_cap: float = 0
    ) -> str:
        if logged_nothing(worker):
            return ""
        return drain(worker, first_line_wait, idle_confirm, hard_cap)

    drain_or_not.__defaults__ = waits_s
    return drain_or_not


def logged_nothing(worker: Any) -> bool:
    """Whether nothing is waiting to be read of what a function wrote before its answer.

    Args:
        worker: of ministack, whose thread reads the function's output into a queue.
    """
    if _waiting(worker):
        return False
    time.sleep(_APART_S)
    return not _waiting(worker)


def _waiting(worker: Any) -> bool:
    output = getattr(getattr(worker, "_proc", None), "stdout", None)
    if output is None or not worker._stderr_queue.empty():
        return True  # or nothing is known of it
    unread = array.array("i", [0])
    try:
        fcntl.ioctl(output.fileno(), termios.FIONREAD, unread)
    except (OSError, ValueError):  # closed
        return True
    return unread[0] > 0
