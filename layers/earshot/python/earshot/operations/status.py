"""The status report: the champion, what serves, the queues and the last result."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from earshot.errors import UnavailableError
from earshot.results.query import ResultQuery
from earshot.results.serialization import to_json
from earshot.times import format_time

if TYPE_CHECKING:
    from earshot.model.registry import ModelRegistry
    from earshot.operations.classify_function import ClassifyFunction
    from earshot.operations.queues import SqsQueues
    from earshot.results.table import ResultsTable

# Many clients at once do not cost a handful of AWS requests each.
FRESH_FOR = timedelta(seconds=1)
# classify itself looks for a new champion every half minute.
SERVING_FRESH_FOR = timedelta(seconds=10)


class StatusService:
    """Asks the AWS services that Earshot uses; its report is a second old at most.

    Args:
        started: when this process began to serve.
    """

    def __init__(
        self,
        models: ModelRegistry,
        queues: SqsQueues,
        results: ResultsTable,
        now: Callable[[], datetime],
        started: datetime,
        classify: ClassifyFunction,
    ) -> None:
        self._models = models
        self._queues = queues
        self._results = results
        self._now = now
        self._started = started
        self._answers: dict[str, Any] = {}
        self._asked_at: datetime | None = None
        self._classify = classify
        self._serving: dict[str, Any] | None = None
        self._serving_asked_at: datetime | None = None

    def report(self) -> dict[str, Any]:
        """The report.

        Raises:
            UnavailableError: an AWS service does not answer.
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
            "serving": self._what_serves(),
            "queues": self._queues.depths(),
            "last_result": to_json(latest[0]) if latest else None,
        }

    def _what_serves(self) -> dict[str, Any] | None:
        """What classify has loaded; None if it does not answer, which must not hide the rest."""
        now = self._now()
        if self._serving_asked_at is None or now - self._serving_asked_at >= SERVING_FRESH_FOR:
            try:
                self._serving = self._classify.serving()
            except UnavailableError:
                self._serving = None
            self._serving_asked_at = now
        return self._serving
