"""Who is told of what was heard, and how often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from earshot.labels import Label
from earshot.results.result import Result
from earshot.times import format_time

LINK_LIFETIME = timedelta(hours=1)

_TOLD = (
    "clip_id",
    "label",
    "confidence",
    "uncertain",
    "events",
    "source",
    "timestamp",
    "recorded_at",
    "model_version",
)

# When the alert of a result was sent; a result without it raised none.
ALERTED_AT = "alerted_at"

Alert = dict[str, Any]


def told(result: Result) -> Alert:
    """What an alert tells of a result."""
    return {
        **{name: result[name] for name in _TOLD if name in result},
        "result": f"/results/{result['clip_id']}",
    }


@dataclass(frozen=True)
class AlertRules:
    """Which results are worth an alert.

    Attributes:
        labels: that are.
        min_confidence: 0..1, of the result.
        cooldown: after an alert, for which the same label from the same source raises no other.
    """

    labels: frozenset[Label]
    min_confidence: float
    cooldown: timedelta

    def concern(self, result: Result) -> bool:
        """Whether a result is worth an alert.

        The model's own threshold for a label has had its say already: under it, the clip would
        not have that label. An uncertain result is told of too, and the alert says so.
        """
        return (
            result["status"] == "classified"
            and result["label"] in self.labels
            and result["confidence"] >= self.min_confidence
        )


class Cooldowns(Protocol):
    """When which source was last told of."""

    def claim(self, subject: str, clip_id: str, now: datetime, cooldown: timedelta) -> bool:
        """Begin a cooldown for this clip unless one runs.

        True for the clip that began it, also when it asks again, until `confirm`.

        Raises:
            UnavailableError: the store failed.
        """

    def confirm(self, subject: str, clip_id: str) -> None:
        """Note that the alert of this clip is out. Raises `UnavailableError`."""


class SentAlerts(Protocol):
    """Which alerts were sent."""

    def record_alert(self, clip_id: str, at: datetime) -> None:
        """Note that the alert of this clip was sent; the first time stands.

        Raises:
            UnavailableError: the store failed.
        """


class Topic(Protocol):
    """Those who want to know."""

    def publish(self, alert: Alert) -> None:
        """Tell them. Raises `UnavailableError`."""


class AlertService:
    """Turns results into alerts: one for a siren that wails through a hundred clips.

    Each label of each source has a cooldown of its own, so a gunshot is told of at once however
    often that microphone has heard a siren. No alert ever waits for a second detection. An alert
    is claimed, published, recorded and confirmed in that order, so that a failure in between
    repeats it rather than loses it, and what was recorded was sent.
    """

    def __init__(
        self,
        rules: AlertRules,
        cooldowns: Cooldowns,
        topic: Topic,
        sent: SentAlerts,
        link: Callable[[dict[str, str], timedelta], str],
        now: Callable[[], datetime],
    ) -> None:
        self._rules = rules
        self._cooldowns = cooldowns
        self._topic = topic
        self._sent = sent
        self._link = link
        self._now = now

    def consider(self, result: Result) -> bool:
        """Raise an alert if a new result is worth one; True if it was.

        Raises:
            UnavailableError: a store or the topic failed; the result should come again.
        """
        if not self._rules.concern(result):
            return False
        subject, clip_id = f"{result['label']}#{result['source']}", result["clip_id"]
        now = self._now()
        if not self._cooldowns.claim(subject, clip_id, now, self._rules.cooldown):
            return False
        self._topic.publish(self._alert(result, now))
        self._sent.record_alert(clip_id, now)
        self._cooldowns.confirm(subject, clip_id)
        return True

    def _alert(self, result: Result, now: datetime) -> Alert:
        alert = {**told(result), ALERTED_AT: format_time(now)}
        if "key" in result:  # else it is a posted clip that is not kept
            place: dict[str, str] = {
                k: result[k] for k in ("bucket", "key", "version_id") if k in result
            }
            alert["clip_url"] = self._link(place, LINK_LIFETIME)
        return alert
