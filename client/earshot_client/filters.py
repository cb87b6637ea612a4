"""Filters of the results that are asked for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from earshot.results.query import TimeOf
from earshot.times import format_time


@dataclass(frozen=True)
class ResultFilters:
    """Which results are asked for; see `earshot.results.query.ResultQuery`."""

    label: str | None = None
    source: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    min_confidence: float | None = None
    states: tuple[str, ...] = ()
    by: str | None = None

    def since(self, start: datetime) -> ResultFilters:
        """The same as far as they were classified from a time on, whenever they were recorded."""
        return replace(self, start=start, end=None, by=TimeOf.CLASSIFIED)

    def only(self, *states: str) -> ResultFilters:
        """Those of the same for which these states hold as well."""
        return replace(self, states=(*self.states, *states))

    def as_query(self) -> dict[str, str]:
        """Query parameters."""
        given = {
            "label": self.label,
            "source": self.source,
            "from": self.start and format_time(self.start),
            "to": self.end and format_time(self.end),
            "by": self.by,
            "min_confidence": self.min_confidence,
            "state": ",".join(self.states) or None,
        }
        return {name: str(value) for name, value in given.items() if value is not None}
