"""A thread that reads the streams of tables, apart from the one that reads queues."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

_IDLE_S = 0.05

logger = logging.getLogger("stream_poller")


class StreamPoller(threading.Thread):
    """Polls for as long as the process lives.

    Args:
        poll: the emulator's own; whether there was anything.
    """

    def __init__(self, poll: Callable[[], bool]) -> None:
        super().__init__(name="stream-poller", daemon=True)
        self._poll = poll
        self._mutex = threading.Lock()

    def ensure(self) -> None:
        """Start, unless it has been started."""
        with self._mutex:
            if not self.is_alive():
                self.start()

    def run(self) -> None:
        """Poll, without a pause while there is something."""
        while True:
            try:
                busy = self._poll()
            except Exception:  # as the emulator's own loop: the next try may go well
                logger.exception("the streams cannot be polled")
                busy = False
            if not busy:
                time.sleep(_IDLE_S)
