"""Stand-ins of what the alert service is given, in memory."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from earshot.alerts.alert import Alert, alert_about
from earshot.alerts.bus import BusEvent
from earshot.alerts.links import ClipLinks, LinkSigner, Retention
from earshot.alerts.mutes import Mute
from earshot.alerts.service import Decision
from earshot.errors import UnavailableError
from earshot.labels import Label
from tests.unit.sample_results import NOON, classified


class Clock:
    now = NOON

    def __call__(self) -> datetime:
        return self.now


class Topic:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.fails = 0

    def publish(self, alert: Alert) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The topic of alerts is not available at the moment")
        self.alerts.append(alert)


class Bus:
    def __init__(self) -> None:
        self.events: list[BusEvent] = []
        self.fails = 0

    def put(self, event: BusEvent) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The event bus is not available at the moment")
        self.events.append(event)

    def put_kept(self) -> int:
        return 0


class WaitingAlerts:
    def __init__(self) -> None:
        self.alerts: list[Alert] = []
        self.fails = 0

    def add(self, alert: Alert) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The table of cooldowns is not available at the moment")
        self.alerts.append(alert)


class Sent:
    def __init__(self) -> None:
        self.times: dict[str, datetime] = {}
        self.mutes: dict[str, dict[Label, str]] = {}
        self.fails = 0

    def record_alert(self, clip_id: str, at: datetime) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The results table is not available at the moment")
        self.times.setdefault(clip_id, at)

    def record_mutes(self, clip_id: str, muted_by: Mapping[Label, str]) -> None:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The results table is not available at the moment")
        self.mutes[clip_id] = dict(muted_by)


class Mutes:
    def __init__(self, *mutes: Mute) -> None:
        self.mutes = mutes
        self.fails = 0

    def of_source(self, source: str) -> list[Mute]:
        if self.fails:
            self.fails -= 1
            raise UnavailableError("The table of mutes is not available at the moment")
        return [mute for mute in self.mutes if mute.source == source]


class Claims:
    """As `AlertClaims`, in memory; `test_delivery.py` holds both to the same."""

    def __init__(self) -> None:
        self.cooldowns: dict[tuple[Label, str], tuple[str, datetime]] = {}
        self.decisions: dict[tuple[str, Label], Decision] = {}

    def decision(self, clip_id: str, label: Label) -> Decision | None:
        return self.decisions.get((clip_id, label))

    def decide(self, clip_id: str, label: Label, decision: Decision, now: datetime) -> None:
        self.decisions[clip_id, label] = decision

    def begin_cooldown(
        self, label: Label, source: str, clip_id: str, now: datetime, cooldown: timedelta
    ) -> bool:
        by, until = self.cooldowns.get((label, source), (clip_id, now))
        if by != clip_id and until > now:
            return False
        self.cooldowns[label, source] = clip_id, now + cooldown
        return True

    def release_cooldown(self, label: Label, source: str, clip_id: str) -> None:
        if self.cooldowns.get((label, source), ("", None))[0] == clip_id:
            del self.cooldowns[label, source]


def links(ui_url: str = "https://ui") -> ClipLinks:
    """Links, signed with a key that everybody knows."""
    return ClipLinks(LinkSigner(lambda: "key"), "https://api", ui_url, Retention(7, 30, 3))


def alert(**changes: Any) -> Alert:
    result = classified(**changes)
    assert result.classification
    return alert_about(result, result.classification, NOON)
