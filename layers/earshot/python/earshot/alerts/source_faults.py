"""Alerts of a kind of their own: a source that is silent, deaf, or has a wrong clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from earshot.sources.source import Source
from earshot.times import format_time

if TYPE_CHECKING:
    from earshot.alerts.delivery import AlertTopic
    from earshot.sources.table import SourcesTable


@dataclass(frozen=True)
class SourceAlert:
    """A message that something is wrong with a source, or not any more.

    Attributes:
        source: with its settings.
        fault: kind of the fault: ``silent``, ``microphone``, ``level`` or ``clock``.
        over: the fault is over.
        detail: for a person.
        at: when it was found.
    """

    source: Source
    fault: str
    over: bool
    detail: str
    at: datetime

    @property
    def kind(self) -> str:
        """``source_fault`` or ``source_recovered``."""
        return "source_recovered" if self.over else "source_fault"

    def to_json(self) -> dict[str, Any]:
        """JSON object of the message."""
        settings = self.source.settings
        return {
            "kind": self.kind,
            "source": self.source.source,
            "name": settings.name,
            "place": settings.place,
            "fault": self.fault,
            "detail": self.detail,
            "at": format_time(self.at),
            "last_segment": self.source.last_segment and format_time(self.source.last_segment),
            "addressees": list(settings.addressees),
        }


class SourceWatch:
    """Looks at all sources, and tells what is new. Call it once a minute.

    A message is sent before it is noted: after a crash in between it is sent again, and none is
    missing.

    Args:
        sources: the table.
        topic: of alerts.
        default_silence: how long a source without a setting, and without a listener, may send
            nothing; zero for as long as it likes.
        now: the time.
    """

    def __init__(
        self,
        sources: SourcesTable,
        topic: AlertTopic,
        default_silence: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._sources = sources
        self._topic = topic
        self._default_silence = default_silence
        self._now = now

    def run(self) -> dict[str, Any]:
        """Look once; what was found, as JSON.

        Raises:
            UnavailableError: the table or the topic failed; what is not noted is reported next
                time.
        """
        now = self._now()
        sources = self._sources.all()
        sent: list[SourceAlert] = []
        faulty: dict[str, dict[str, str]] = {}
        for source in sources:
            found = source.found_faults(now, self._default_silence)
            if found:
                faulty[source.source] = found
            if found.keys() == source.faults.keys():
                continue
            news = _news(source, found, now)
            for alert in news:
                self._topic.publish_source(alert)
            self._sources.note_faults(source, found)
            sent += news
        return {
            "sources": len(sources),
            "faulty": faulty,
            "silent": sum("silent" in found for found in faulty.values()),
            "alerts": [f"{alert.source.source}: {alert.kind} {alert.fault}" for alert in sent],
        }


def _news(source: Source, found: dict[str, str], now: datetime) -> list[SourceAlert]:
    begun = [
        SourceAlert(source, kind, False, detail, now)
        for kind, detail in found.items()
        if kind not in source.faults
    ]
    over = [
        SourceAlert(source, kind, True, f"It is over: {detail}", now)
        for kind, detail in source.faults.items()
        if kind not in found
    ]
    return begun + over
