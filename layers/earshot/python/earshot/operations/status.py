"""How the system is: what `GET /status` says."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from earshot.results.query import Page, Position, ResultQuery
from earshot.times import format_time

# Many who ask at once shall not cost a handful of requests to AWS each.
FRESH_FOR = timedelta(seconds=1)


class Models(Protocol):
    """Model versions."""

    def describe_champion(self) -> dict[str, Any] | None:
        """Version, manifest hash and held-out metrics of the model that serves; None if there is
        no champion. Raises `UnavailableError`."""


class Queues(Protocol):
    """Uploads that wait."""

    def depths(self) -> dict[str, int]:
        """Messages by queue. Raises `UnavailableError`."""


class Results(Protocol):
    """Results."""

    def find(self, query: ResultQuery, limit: int, after: Position | None = None) -> Page:
        """See `earshot.results.table.ResultsTable.find`."""


class StatusService:
    """Asks everything that Earshot stands on how it is; what it says is a second old at most.

    Args:
        started: when this process began to serve.
    """

    def __init__(
        self,
        models: Models,
        queues: Queues,
        results: Results,
        now: Callable[[], datetime],
        started: datetime,
    ) -> None:
        self._models = models
        self._queues = queues
        self._results = results
        self._now = now
        self._started = started
        self._answers: dict[str, Any] = {}
        self._asked_at: datetime | None = None

    def report(self) -> dict[str, Any]:
        """The report.

        Raises:
            UnavailableError: something that Earshot stands on does not answer.
        """
        now = self._now()
        if self._asked_at is None or now - self._asked_at >= FRESH_FOR:
            self._answers = self._ask()
            self._asked_at = now
        return {
            "status": "ok",
            "time": format_time(now),
            "uptime_s": round((now - self._started).total_seconds(), 3),
            **self._answers,
        }

    def _ask(self) -> dict[str, Any]:
        latest = self._results.find(ResultQuery(), limit=1).results
        return {
            "model": self._models.describe_champion(),
            "queues": self._queues.depths(),
            "last_result": latest[0] if latest else None,
        }
