"""An alert of a kind of its own: a source is silent, deaf, or has a wrong clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from earshot.sources.source import Source
from earshot.times import format_time, local_time, shown


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

    def text(self) -> str:
        """The message for a person, in one line."""
        settings = self.source.settings
        where = f"{self.source.source} ({settings.place})" if settings.place else self.source.source
        return f"{where}, {shown(self.at, settings.time_zone)}: {self.detail}"

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
            "time_zone": settings.time_zone,
            "local_time": local_time(self.at, settings.time_zone),
            "last_segment": self.source.last_segment and format_time(self.source.last_segment),
            "addressees": list(settings.addressees),
        }
