"""A source's own rules, and alerts about the source itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from earshot.alerts.service import AlertRules
from earshot.alerts.source_alert import SourceAlert
from earshot.alerts.source_faults import SourceWatch
from earshot.alerts.source_rules import CACHED_FOR, SourceRules
from earshot.errors import UnavailableError
from earshot.labels import Label
from earshot.sources.settings import SourceSettings
from earshot.sources.source import Source
from tests.unit.alerts.fakes import Bus, Clock
from tests.unit.sample_results import NOON, classified

DEFAULTS = AlertRules(frozenset({Label.SIREN, Label.GUNSHOT}), 0.6, timedelta(minutes=5))
OWN = SourceSettings(
    labels=frozenset({Label.GUNSHOT}),
    min_confidence={Label.GUNSHOT: 0.95},
    cooldown=timedelta(minutes=1),
    addressees=("ann",),
)


class Sources:
    """As `SourcesTable`, in memory."""

    def __init__(self, *sources: Source) -> None:
        self.rows = {one.source: one for one in sources}
        self.reads = 0
        self.fails = False
        self.noted: list[Any] = []

    def get(self, source: str) -> Source | None:
        if self.fails:
            raise UnavailableError("The table of sources")
        self.reads += 1
        return self.rows.get(source)

    def all(self) -> list[Source]:
        return list(self.rows.values())

    def seen(self, *noted: Any) -> None:
        self.noted.append(noted)

    def note_faults(self, source: Source, faults: Any) -> bool:
        self.rows[source.source] = replace(source, faults=dict(faults))
        return True


@pytest.fixture
def clock() -> Clock:
    return Clock()


def rules_of(sources: Any, clock: Clock) -> SourceRules:
    return SourceRules(DEFAULTS, sources, clock)


def test_a_source_without_settings_has_the_defaults(clock):
    assert rules_of(Sources(), clock)(classified(source="gate")) == DEFAULTS


def test_a_source_has_its_own_labels_confidence_cooldown_and_addressees(clock):
    rules = rules_of(Sources(Source("gate", OWN)), clock)(classified(source="gate"))
    assert (rules.labels, rules.cooldown) == (OWN.labels, OWN.cooldown)
    assert rules.addressees == ("ann",)
    shot = classified(source="gate", label=Label.GUNSHOT, confidence=0.85)
    assert shot.classification
    assert rules.matches(shot.classification) == {}
    sure = replace(rules, min_confidences={Label.GUNSHOT: 0.8})
    assert Label.GUNSHOT in sure.matches(shot.classification)


def test_a_muted_source_raises_no_alert(clock):
    muted = SourceSettings(muted_until=NOON + timedelta(hours=1))
    rules = rules_of(Sources(Source("gate", muted)), clock)
    assert rules(classified(source="gate")).labels == frozenset()
    assert rules(classified(source="yard")) == DEFAULTS
    clock.now = NOON + timedelta(hours=1)
    assert rules(classified(source="gate")) == DEFAULTS


def test_settings_hold_within_a_minute_and_outlive_a_failing_table(clock):
    sources = Sources()
    rules = rules_of(sources, clock)
    rules(classified(source="gate"))
    sources.rows["gate"] = Source("gate", OWN)
    rules(classified(source="gate"))
    assert sources.reads == 1
    clock.now += CACHED_FOR
    assert rules(classified(source="gate")).labels == OWN.labels
    clock.now += CACHED_FOR
    sources.fails = True
    assert rules(classified(source="gate")).labels == OWN.labels
    assert rules(classified(source="yard")) == DEFAULTS


def test_a_source_is_noted_now_and_then_and_a_wrong_clock_at_once(clock):
    sources = Sources()
    rules = rules_of(sources, clock)
    result = classified(source="gate", recorded_at=NOON)
    for _ in range(3):
        rules.note(result)
    assert sources.noted == [("gate", NOON, 0.0)]
    rules.note(replace(result, recorded_at=NOON + timedelta(hours=2)))
    assert sources.noted[-1] == ("gate", NOON, 7200.0)
    clock.now += timedelta(seconds=20)
    rules.note(replace(result, recorded_at=None))
    assert sources.noted[-1] == ("gate", NOON, None)


class Topic:
    def __init__(self) -> None:
        self.alerts: list[SourceAlert] = []
        self.fails = False

    def publish_source(self, alert: SourceAlert) -> None:
        if self.fails:
            raise UnavailableError("The topic of alerts")
        self.alerts.append(alert)


def test_a_dead_source_is_reported_once_and_once_when_it_is_back(clock):
    sources: Any = Sources(Source("gate", OWN, last_segment=NOON), Source("yard"))
    topic: Any = Topic()
    bus: Any = Bus()
    watch = SourceWatch(sources, topic, bus, timedelta(minutes=10), clock)
    assert watch.run()["alerts"] == []
    clock.now = NOON + timedelta(minutes=11)
    topic.fails = True
    with pytest.raises(UnavailableError):
        watch.run()
    topic.fails = False
    assert watch.run()["alerts"] == ["gate: source_fault silent"], "it is reported the next time"
    assert watch.run() == {
        "sources": 2,
        "faulty": {"gate": {"silent": "There is no segment since 2026-01-31 12:00:00 UTC."}},
        "silent": 1,
        "events_kept": 0,
        "alerts": [],
    }
    sources.rows["gate"] = replace(sources.rows["gate"], last_segment=clock.now)
    assert watch.run()["alerts"] == ["gate: source_recovered silent"]
    assert watch.run()["alerts"] == []
    fault, recovery = (alert.to_json() for alert in topic.alerts)
    assert fault == {
        "kind": "source_fault",
        "source": "gate",
        "name": "",
        "place": "",
        "fault": "silent",
        "detail": "There is no segment since 2026-01-31 12:00:00 UTC.",
        "at": "2026-01-31T12:11:00.000Z",
        "time_zone": "UTC",
        "local_time": "2026-01-31T12:11:00.000+00:00",
        "last_segment": "2026-01-31T12:00:00.000Z",
        "addressees": ["ann"],
    }
    assert recovery["kind"] == "source_recovered"
