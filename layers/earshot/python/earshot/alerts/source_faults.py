"""Looks for sources that are silent, deaf, or have a wrong clock, and alerts people of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from earshot.alerts.bus import event_of_source_alert
from earshot.alerts.source_alert import SourceAlert
from earshot.sources.source import Source

if TYPE_CHECKING:
    from earshot.alerts.bus import AlertBus
    from earshot.alerts.delivery import AlertTopic
    from earshot.sources.table import SourcesTable


class SourceWatch:
    """Checks all sources, and reports what is new. Call it once a minute.

    A message is sent before it is noted: after a crash in between it is sent again, and none is
    missing. It also puts on the bus what that did not take before.

    Args:
        sources: the table.
        topic: of alerts.
        bus: of alerts.
        default_silence: how long a source without a setting, and without a listener, may send
            nothing; zero for as long as it likes.
        now: the time.
    """

    def __init__(
        self,
        sources: SourcesTable,
        topic: AlertTopic,
        bus: AlertBus,
        default_silence: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._sources = sources
        self._topic = topic
        self._bus = bus
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
                self._bus.put(event_of_source_alert(alert))
            self._sources.note_faults(source, found)
            sent += news
        return {
            "sources": len(sources),
            "faulty": faulty,
            "silent": sum("silent" in found for found in faulty.values()),
            "events_kept": self._bus.put_kept(),
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
