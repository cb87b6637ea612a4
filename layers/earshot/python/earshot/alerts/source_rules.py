"""Which rules hold for a result: those of its source, or else the template's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from earshot.alerts.service import AlertRules
from earshot.errors import UnavailableError
from earshot.results.result import Result
from earshot.sources.source import Source, clock_off_s

if TYPE_CHECKING:
    from earshot.sources.table import SourcesTable

CACHED_FOR = timedelta(minutes=1)
# A source that sends every few seconds is noted so often.
NOTED_EVERY = timedelta(seconds=15)


class SourceRules:
    """The one place that resolves the rules for a source; it also notes that the source is there.

    Settings are a minute old at most. Where they cannot be read, those of before hold, or the
    defaults: an alert too many is better than none.

    Args:
        defaults: of the template's parameters.
        sources: the table.
        now: the time.
    """

    def __init__(
        self, defaults: AlertRules, sources: SourcesTable, now: Callable[[], datetime]
    ) -> None:
        self._defaults = defaults
        self._sources = sources
        self._now = now
        self._known: dict[str, tuple[datetime, Source]] = {}
        self._noted: dict[str, tuple[datetime, float | None]] = {}

    def __call__(self, result: Result) -> AlertRules:
        """Rules for a result."""
        settings, rules = self.source(result.source).settings, self._defaults
        if settings.silences(result.recorded_at or result.timestamp, self._now()):
            return replace(rules, labels=frozenset())
        return replace(
            rules,
            labels=rules.labels if settings.labels is None else settings.labels,
            min_confidences=settings.min_confidence,
            cooldown=rules.cooldown if settings.cooldown is None else settings.cooldown,
            addressees=settings.addressees,
            source_name=settings.name,
            place=settings.place,
            time_zone=settings.time_zone,
            digest=settings.digest,
            retention_days=settings.retention_days or 0,
        )

    def source(self, name: str) -> Source:
        """A source as it was within the last minute."""
        now = self._now()
        read_at, known = self._known.get(name, (None, Source(name)))
        if read_at is None or now - read_at >= CACHED_FOR:
            try:
                known = self._sources.get(name) or Source(name)
            except UnavailableError:
                return known
            self._known[name] = now, known
        return known

    def note(self, result: Result) -> None:
        """Note that a source has sent something. Raises `UnavailableError`."""
        now = self._now()
        off = clock_off_s(result.recorded_at, result.timestamp)
        noted_at, noted_off = self._noted.get(result.source, (None, None))
        if noted_at and now - noted_at < NOTED_EVERY and off in (None, noted_off):
            return
        self._sources.seen(result.source, result.timestamp, off)
        self._noted[result.source] = now, off
