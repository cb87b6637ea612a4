"""Which results raise an alert, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from earshot.alerts.alert import Alert, alert_about
from earshot.labels import Label
from earshot.results.result import Classification, Result
from earshot.uploads.objects import Location

if TYPE_CHECKING:
    from earshot.alerts.delivery import AlertTopic, CooldownsTable
    from earshot.results.table import ResultsTable

LINK_LIFETIME = timedelta(hours=1)


@dataclass(frozen=True)
class AlertRules:
    """Which results raise an alert.

    Attributes:
        labels: that do.
        min_confidence: minimum confidence for an alert, 0..1.
        cooldown: time after an alert in which the same label and source raise no other.
    """

    labels: frozenset[Label]
    min_confidence: float
    cooldown: timedelta

    def match(self, classification: Classification) -> bool:
        """Whether a classification raises an alert, cooldowns aside.

        An uncertain one does too, and the alert says that it is uncertain.
        """
        return (
            classification.label in self.labels and classification.confidence >= self.min_confidence
        )


class AlertService:
    """Turns results into alerts: one for a siren that is in a hundred consecutive clips.

    Each label of each source has a cooldown of its own, so the alert about a gunshot is sent at
    once, however many sirens that source had. No alert waits for a second detection. An alert is
    claimed, published, recorded and confirmed in that order, so that a failure in between repeats
    it rather than loses it, and what was recorded was sent.
    """

    def __init__(
        self,
        rules: AlertRules,
        cooldowns: CooldownsTable,
        topic: AlertTopic,
        results: ResultsTable,
        link: Callable[[Location, timedelta], str],
        now: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._cooldowns = cooldowns
        self._topic = topic
        self._results = results
        self._link = link
        self._now = now

    def consider(self, result: Result) -> Alert | None:
        """Send an alert about a new result if the rules and the cooldown want one.

        Raises:
            UnavailableError: a store or the topic failed; the result should come again.
        """
        classification, clip_id = result.classification, result.clip_id
        if classification is None or not self._rules.match(classification):
            return None
        subject, now = f"{classification.label}#{result.source}", self._now()
        if not self._cooldowns.claim(subject, clip_id, now, self._rules.cooldown):
            return None
        url = self._link(result.location, LINK_LIFETIME) if result.location else None
        alert = alert_about(result, classification, now, url)
        self._topic.publish(alert)
        self._results.record_alert(clip_id, now)
        self._cooldowns.confirm(subject, clip_id)
        return alert
