"""Send segments from the spool, oldest first, for as long as it takes."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from earshot.errors import EarshotError
from earshot.labels import Label
from earshot.results.result import Result
from earshot.times import format_time, parse_time
from earshot.uploads.objects import MAX_BODY_BYTES, digest
from earshot_client.api_client import EarshotClient
from earshot_client.listen.spool import Spool, Waiting
from earshot_client.transport import ApiError

_FIRST_WAIT_S, _LONGEST_WAIT_S = 1.0, 60.0
_MOST_DOUBLINGS = 10
_REPEAT_S = 300.0  # a fault that lasts is named again
_EARLY = timedelta(minutes=1)
# The service has looked at the clip, and would say the same again.
_REFUSED = {HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
_UNAUTHORIZED = (
    "the token is refused, so it is expired or of another deployment. With EARSHOT_TOKEN_URL, "
    "EARSHOT_CLIENT_ID and EARSHOT_CLIENT_SECRET it is renewed by itself; else start again with a "
    "new EARSHOT_TOKEN"
)

Say = Callable[[str], None]


def request_key(source: str, start: datetime) -> str:
    """Idempotency key of a segment: the same however often it is sent, by whichever process."""
    return digest(f"listen:{source}@{format_time(start)}")


def wait_s(failures: int, longest_s: float) -> float:
    """Between tries: longer each time, and at random, so that many listeners spread out."""
    doublings = min(failures - 1, _MOST_DOUBLINGS)
    most = min(longest_s, _FIRST_WAIT_S * 2.0**doublings)
    return most * random.uniform(0.5, 1)  # noqa: S311 # nosec B311 # no secret


@dataclass
class Sent:
    """What has been sent so far.

    Attributes:
        segments: that the service has taken.
        refused: that it has refused for good.
        bytes: of the segments that were taken.
        threats: results with another label than casual.
        model: version and manifest hash that the service classified the last one with.
    """

    segments: int = 0
    refused: int = 0
    bytes: int = 0
    threats: int = 0
    model: tuple[str, str] | None = None


class Sender(threading.Thread):
    """Sends what the spool holds. A segment leaves the spool once the service has taken it.

    Args:
        client: of the service.
        spool: to empty.
        source: that the segments come from.
        say: shows a person a message.
    """

    def __init__(self, client: EarshotClient, spool: Spool, source: str, say: Say) -> None:
        super().__init__(name="sender", daemon=True)
        self._client = replace(client, waits_s=())  # the waits are this class's own
        self._spool = spool
        self._source = source
        self._say = say
        self._ending = threading.Event()
        self._failures = 0
        self._reported: tuple[str, float] | None = None
        self.sent = Sent()

    def run(self) -> None:
        """Send until `end` is called and the spool is empty, or the service does not answer."""
        while True:
            waiting = self._spool.oldest()
            if waiting is None:
                if self._ending.is_set():
                    return
                self._spool.added.wait(1)
            elif not self._send(waiting):
                self._spool.release()
                if self._ending.wait(wait_s(self._failures, _LONGEST_WAIT_S)):
                    return  # what is left is sent by the next process

    def end(self, patience_s: float | None) -> None:
        """Send what can be sent within so many seconds, or without a failure if None, and stop."""
        self._ending.set()
        self._spool.added.set()
        self.join(patience_s)

    def _send(self, waiting: Waiting) -> bool:
        """Whether a segment has been dealt with."""
        try:
            size = waiting.path.stat().st_size
            if size > MAX_BODY_BYTES:
                self._upload(waiting)
            else:
                self._predict(waiting)
        except (EarshotError, OSError, KeyError, TypeError, ValueError) as error:
            return self._given_up(waiting, error) or self._failed(*self._fault(error))
        self.sent.segments += 1
        self.sent.bytes += size
        self._spool.remove(waiting)
        if self._failures:
            self._say(f"the service answers again; {len(self._spool)} segments wait")
        self._failures, self._reported = 0, None
        return True

    def _given_up(self, waiting: Waiting, error: Exception) -> bool:
        """Whether to try again makes no sense."""
        began = format_time(waiting.start)
        if isinstance(error, ApiError) and error.status in _REFUSED:
            self.sent.refused += 1
            self._say(f"the segment of {began} was refused: {error}")
        elif isinstance(error, FileNotFoundError):
            self._say(f"the segment of {began} was deleted before it was sent")
        else:
            return False
        self._spool.remove(waiting, dropped=isinstance(error, OSError))
        return True

    def _fault(self, error: Exception) -> tuple[str, str]:
        """Kind of an error, and what it means to a person."""
        if isinstance(error, ApiError):
            refused = error.status == HTTPStatus.UNAUTHORIZED
            return str(error.status), _UNAUTHORIZED if refused else str(error)
        if isinstance(error, (EarshotError, OSError)):  # no token; a disk that cannot be read
            return type(error).__name__, str(error)
        return "answer", f"what answers at {self._client.api_url} gave no result: {error!r}"

    def _predict(self, waiting: Waiting) -> None:
        key = request_key(self._source, waiting.start)
        result = self._client.predict(waiting.path, self._source, waiting.start, key)
        self._note(result, waiting.start)

    def _note(self, result: Result, start: datetime) -> None:
        found = result.classification
        if found is None:
            return
        self.sent.model = (found.model_version, found.model_sha256)
        if found.label != Label.CASUAL:
            self.sent.threats += 1
            doubt, when = ", uncertain" if found.uncertain else "", format_time(start)
            self._say(f"{found.label} {found.confidence:.2f}{doubt} at {when}: {result.clip_id}")

    def _upload(self, waiting: Waiting) -> None:
        """Upload by a ticket, which is kept: sent again by the same ticket, it is the same clip."""
        ticket = _kept_ticket(waiting)
        if ticket is None:
            ticket = self._client.ticket(self._source, waiting.start)
            self._spool.write(waiting.ticket_path, json.dumps(ticket).encode())
        self._client.send(ticket, waiting.path, lambda n_bytes: None)

    def _failed(self, kind: str, reason: str) -> bool:
        self._failures += 1
        now = time.monotonic()
        last_kind, at = self._reported or (None, now)
        if last_kind != kind or now - at >= _REPEAT_S:
            self._reported = (kind, now)
            self._say(f"nothing can be sent: {reason}; {len(self._spool)} segments wait")
        return False


def _kept_ticket(waiting: Waiting) -> dict[str, Any] | None:
    try:
        ticket: dict[str, Any] = json.loads(waiting.ticket_path.read_bytes())
        good = parse_time(ticket["expires_at"]) > datetime.now(UTC) + _EARLY
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return ticket if good else None
