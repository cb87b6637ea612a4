"""How long clips and results of a source are kept, where that is less than the stack's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from earshot.errors import UnavailableError

if TYPE_CHECKING:
    from earshot.sources.table import SourcesTable

_CACHED_FOR = timedelta(minutes=1)


class SourceRetention:
    """Days that clips and results of each source are kept, as set a minute ago at most.

    Args:
        sources: the table.
        now: the time.
    """

    def __init__(self, sources: SourcesTable, now: Callable[[], datetime]) -> None:
        self._sources = sources
        self._now = now
        self._known: dict[str, tuple[datetime, int]] = {}

    def __call__(self, source: str) -> int:
        """Days of a source; 0 for as many as the stack's parameters say.

        Raises:
            UnavailableError: they were never read and cannot be now. A guess might keep a clip for
                longer than somebody promised.
        """
        now = self._now()
        read_at, days = self._known.get(source, (None, 0))
        if read_at is None or now - read_at >= _CACHED_FOR:
            try:
                found = self._sources.get(source)
            except UnavailableError:
                if read_at is None:
                    raise
                return days
            days = (found.settings.retention_days if found else None) or 0
            self._known[source] = now, days
        return days
