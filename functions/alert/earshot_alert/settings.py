"""Settings of alert and of deliver: all that they take from their environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from earshot.alerts.links import Retention
from earshot.alerts.service import AlertRules
from earshot.labels import Label


@dataclass(frozen=True)
class Settings:
    """Settings of alert.

    Attributes:
        cooldowns_table: name of the table.
        sources_table: name of the table of sources and their settings.
        results_table: name of the table that holds which alerts were sent.
        mutes_table: name of the table of muted sounds.
        topic_arn: of the SNS topic.
        event_bus: name of the EventBridge bus.
        link_key_secret: ARN of the secret with which links are signed.
        api_url: of the HTTP API, for links.
        ui_url: of the web interface; empty if there is none.
        retention: of clips.
        rules: which results raise an alert, where their source has no others.
    """

    cooldowns_table: str
    sources_table: str
    results_table: str
    mutes_table: str
    topic_arn: str
    event_bus: str
    link_key_secret: str
    api_url: str
    ui_url: str
    retention: Retention
    rules: AlertRules

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
            ValueError: a number is none, or a label is unknown.
        """
        labels = [name.strip() for name in environment["ALERT_LABELS"].split(",") if name.strip()]
        return cls(
            cooldowns_table=environment["COOLDOWNS_TABLE"],
            sources_table=environment["SOURCES_TABLE"],
            results_table=environment["RESULTS_TABLE"],
            mutes_table=environment["MUTES_TABLE"],
            topic_arn=environment["ALERT_TOPIC_ARN"],
            event_bus=environment["EVENT_BUS"],
            link_key_secret=environment["LINK_KEY_SECRET"],
            api_url=environment["API_URL"],
            ui_url=environment["UI_URL"],
            retention=Retention(
                posted=int(environment["POSTED_CLIP_DAYS"]),
                uploads=int(environment["UPLOAD_DAYS"]),
                casual_uploads=int(environment["CASUAL_UPLOAD_DAYS"]),
            ),
            rules=AlertRules(
                labels=frozenset(map(Label, labels)),
                min_confidence=float(environment["ALERT_MIN_CONFIDENCE"]),
                cooldown=timedelta(seconds=int(environment["ALERT_COOLDOWN_SECONDS"])),
                uncertain=environment.get("ALERT_UNCERTAIN") == "true",
            ),
        )


@dataclass(frozen=True)
class DeliverSettings:
    """Settings of deliver.

    Attributes:
        deliveries_secret: ARN of the secret that lists the webhooks.
        queue_url: of the queue of deliveries.
    """

    deliveries_secret: str
    queue_url: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> DeliverSettings:
        """Read the settings; raises `KeyError` if a variable is missing."""
        return cls(environment["DELIVERIES_SECRET"], environment["DELIVERIES_QUEUE_URL"])
