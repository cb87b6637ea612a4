"""Report the state of the listener and its microphone to the service once a minute."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from earshot.errors import EarshotError
from earshot_client.api_client import EarshotClient
from earshot_client.listen.sending import Say
from earshot_client.transport import ApiError

_NOT_THERE = {403, 404, 405}


class Heartbeat(threading.Thread):
    """Sends heartbeats. One that fails is not sent again: the next one says it all.

    Args:
        client: of the service.
        source: that the listener listens to.
        vitals: gives what is reported; called for each heartbeat.
        every_s: seconds between two.
        say: shows a person a message, if the service takes none.
    """

    def __init__(
        self,
        client: EarshotClient,
        source: str,
        vitals: Callable[[], Mapping[str, Any]],
        every_s: float,
        say: Say,
    ) -> None:
        super().__init__(name="heartbeat", daemon=True)
        self._client = replace(client, waits_s=())
        self._source = source
        self._vitals = vitals
        self._every_s = every_s
        self._say = say
        self._ending = threading.Event()

    def run(self) -> None:
        """Send until `end`."""
        logged = False
        while not self._ending.wait(self._every_s):
            try:
                self._client.beat(self._source, self._vitals())
            except ApiError as error:
                if error.status in _NOT_THERE and not logged:
                    self._say(f"the service takes no heartbeat: {error}")
                    logged = True
            except EarshotError:  # there is no token, which the sender says
                continue

    def end(self) -> None:
        """Send no more."""
        self._ending.set()
