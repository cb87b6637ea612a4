"""Settings of sweep: all that it takes from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class Settings:
    """Settings of sweep.

    Attributes:
        uploads_bucket: name of the bucket.
        results_table: name of the table.
        uploads_queue_url: of the queue that uploads wait in.
        sources_table: name of the table of sources.
        alert_topic_arn: of the topic that alerts about sources go to.
        event_bus: name of the EventBridge bus that they are put on.
        cooldowns_table: name of the table, which keeps what the bus did not take.
        quiet_after: how long a source without a setting may send nothing; zero for as long as it
            likes.
    """

    uploads_bucket: str
    results_table: str
    uploads_queue_url: str
    sources_table: str
    alert_topic_arn: str
    event_bus: str
    cooldowns_table: str
    quiet_after: timedelta

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
            ValueError: a number is none.
        """
        hours = int(environment.get("QUIET_SOURCE_HOURS") or 0)
        return cls(
            uploads_bucket=environment["UPLOADS_BUCKET"],
            results_table=environment["RESULTS_TABLE"],
            uploads_queue_url=environment["UPLOADS_QUEUE_URL"],
            sources_table=environment["SOURCES_TABLE"],
            alert_topic_arn=environment["ALERT_TOPIC_ARN"],
            event_bus=environment["EVENT_BUS"],
            cooldowns_table=environment["COOLDOWNS_TABLE"],
            quiet_after=timedelta(hours=hours),
        )
