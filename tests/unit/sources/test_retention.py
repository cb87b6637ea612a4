"""How long a source's clips are kept, by what was read a minute ago at most."""

from __future__ import annotations

from datetime import timedelta

import pytest

from earshot.errors import UnavailableError
from earshot.sources.retention import SourceRetention
from earshot.sources.settings import SourceSettings
from earshot.sources.source import Source
from tests.unit.sample_results import NOON


class Table:
    def __init__(self) -> None:
        self.days: dict[str, int | None] = {}
        self.reads = 0
        self.fails = False

    def get(self, source: str) -> Source | None:
        self.reads += 1
        if self.fails:
            raise UnavailableError("The table of sources")
        if source not in self.days:
            return None
        return Source(source, SourceSettings(retention_days=self.days[source]))


def test_what_was_read_holds_for_a_minute_and_while_the_table_fails() -> None:
    table, now = Table(), [NOON]
    retention = SourceRetention(table, lambda: now[0])  # type: ignore[arg-type]
    table.days = {"gate": 7, "yard": None}
    assert [retention(one) for one in ("gate", "yard", "new", "gate")] == [7, 0, 0, 7]
    assert table.reads == 3
    table.days = {"gate": 1}
    now[0] += timedelta(seconds=60)
    assert retention("gate") == 1
    table.fails = True
    now[0] += timedelta(hours=1)
    assert retention("gate") == 1
    with pytest.raises(UnavailableError):
        retention("never read")
