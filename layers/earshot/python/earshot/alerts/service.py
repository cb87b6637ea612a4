"""Which results raise alerts, and how often."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from earshot.alerts.alert import Alert, alert_about, best_event
from earshot.alerts.bus import event_of_alert
from earshot.alerts.mutes import muted_labels
from earshot.errors import UnavailableError
from earshot.labels import Label
from earshot.results.result import Classification, Result

if TYPE_CHECKING:
    from earshot.alerts.bus import AlertBus
    from earshot.alerts.delivery import AlertClaims, AlertTopic
    from earshot.alerts.digest import WaitingAlerts
    from earshot.alerts.links import ClipLinks
    from earshot.alerts.mute_table import MutesTable
    from earshot.results.table import ResultsTable


@dataclass(frozen=True)
class AlertRules:
    """Which results raise alerts.

    Attributes:
        labels: that do.
        min_confidence: minimum confidence for an alert, 0..1.
        min_confidences: of labels that have one of their own.
        uncertain: alert about uncertain results too; otherwise they wait for review.
        addressees: whom alerts are for.
        source_name, place, time_zone: of the source, for people.
        digest: labels whose alerts wait for the next digest.
        retention_days: that clips of the source are kept, if fewer than others; 0 for as many.
        cooldown: time after an alert in which the same label and source raise no other.
    """

    labels: frozenset[Label]
    min_confidence: float
    cooldown: timedelta
    uncertain: bool = False
    min_confidences: Mapping[Label, float] = field(default_factory=dict)
    addressees: tuple[str, ...] = ()
    source_name: str = ""
    place: str = ""
    time_zone: str = "UTC"
    digest: frozenset[Label] = frozenset()
    retention_days: int = 0

    def matches(self, classification: Classification) -> dict[Label, float]:
        """Labels that raise an alert, cooldowns aside, and the confidence of each.

        A clip may hold several labels: a siren behind gunshots raises its own alert. The confidence
        of a label is that of its best event. Only the clip's own label can be uncertain: events of
        any other are listed only from its alert threshold on.
        """
        own = classification.label
        found = {own: classification.confidence}
        for event in classification.events:
            found[event.label] = max(event.confidence, found.get(event.label, 0.0))
        if classification.uncertain and not self.uncertain:
            del found[own]
        return {
            label: confidence
            for label, confidence in found.items()
            if label in self.labels
            and confidence >= self.min_confidences.get(label, self.min_confidence)
        }


@dataclass(frozen=True)
class Decision:
    """What was decided about a label of a clip.

    Attributes:
        sent_at: when its alert was sent; None if a cooldown or a mute suppressed it.
        on_bus: the bus has it, too.
    """

    sent_at: datetime | None
    on_bus: bool = True


class AlertService:
    """Turns results into alerts: one for a siren that is in a hundred consecutive clips.

    Each label of each source has a cooldown of its own, so the alert about a gunshot is sent at
    once, however many sirens that source had. No alert waits for a second detection.

    A result may be considered any number of times: what was decided about each of its labels is
    kept for longer than the stream keeps its record. Where the topic fails, the cooldown is
    released, so that the result that comes again, or the next one, raises the alert. Only a crash
    between publishing and recording the decision can repeat an alert; both copies have the same
    `alert_id`.

    The topic comes first, and what it took is decided before the bus is given its event: should
    that fail, the result comes again for the bus alone.
    """

    def __init__(
        self,
        rules: Callable[[Result], AlertRules],
        claims: AlertClaims,
        topic: AlertTopic,
        bus: AlertBus,
        waiting: WaitingAlerts,
        results: ResultsTable,
        mutes: MutesTable,
        links: ClipLinks,
        now: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._claims = claims
        self._topic = topic
        self._bus = bus
        self._waiting = waiting
        self._results = results
        self._mutes = mutes
        self._links = links
        self._now = now

    def consider(self, result: Result) -> list[Alert]:
        """Send the alerts about a new result that rules, mutes and cooldowns allow.

        A muted label begins no cooldown. Beside it, other labels of the clip raise their alerts.

        Raises:
            UnavailableError: a store or the topic failed; the result should come again.
        """
        classification = result.classification
        if classification is None:
            return []
        rules = self._rules(result)
        matches = rules.matches(classification)
        undecided = dict(matches)
        for label, confidence in matches.items():
            if decision := self._claims.decision(result.clip_id, label):
                del undecided[label]
                if decision.sent_at is None:
                    continue
                if not decision.on_bus:
                    at = decision.sent_at
                    alert = self._compose(rules, result, classification, label, confidence, at)
                    self._put_on_bus(alert)
                # It may not be recorded, if the results table failed.
                self._results.record_alert(result.clip_id, decision.sent_at)
        for label in self._muted(result, classification, undecided):
            del undecided[label]
        sent = [
            self._alert(rules, result, classification, label, confidence)
            for label, confidence in undecided.items()
        ]
        return [alert for alert in sent if alert]

    def _muted(
        self, result: Result, classification: Classification, labels: Iterable[Label]
    ) -> Iterable[Label]:
        """Which of these labels are muted; that is recorded and decided."""
        if not (labels and classification.embeddings):
            return ()
        try:
            mutes = self._mutes.of_source(result.source)
        except UnavailableError:
            return ()  # a false alarm is better than a late alert
        muted = muted_labels(classification, labels, mutes)
        if muted:
            self._results.record_mutes(result.clip_id, muted)
        for label in muted:
            self._claims.decide(result.clip_id, label, Decision(sent_at=None), self._now())
        return muted

    def _alert(
        self,
        rules: AlertRules,
        result: Result,
        classification: Classification,
        label: Label,
        confidence: float,
    ) -> Alert | None:
        clip_id, now = result.clip_id, self._now()
        if not self._claims.begin_cooldown(label, result.source, clip_id, now, rules.cooldown):
            self._claims.decide(clip_id, label, Decision(sent_at=None), now)
            return None
        alert = self._compose(rules, result, classification, label, confidence, now)
        waits = label in rules.digest
        try:
            if waits:
                self._waiting.add(alert)
            else:
                self._topic.publish(alert)
        except UnavailableError:
            self._claims.release_cooldown(label, result.source, clip_id)
            raise
        self._claims.decide(clip_id, label, Decision(now, on_bus=waits), now)
        if not waits:
            self._put_on_bus(alert)
        self._results.record_alert(clip_id, now)
        return alert

    def _compose(
        self,
        rules: AlertRules,
        result: Result,
        classification: Classification,
        label: Label,
        confidence: float,
        at: datetime,
    ) -> Alert:
        """The same alert each time, with its links."""
        alert = alert_about(result, classification, at, label=label, confidence=confidence)
        events = classification.events
        best = best_event(events, label)
        days = rules.retention_days
        return replace(
            alert,
            clip_url=self._links.clip(result, days),
            event_url=self._links.event(result, events.index(best) + 1, days) if best else None,
            page_url=self._links.page(result),
            source_name=rules.source_name,
            place=rules.place,
            time_zone=rules.time_zone,
            addressees=rules.addressees,
        )

    def _put_on_bus(self, alert: Alert) -> None:
        self._bus.put(event_of_alert(alert))
        self._claims.decide(alert.clip_id, alert.label, Decision(alert.alerted_at), self._now())
