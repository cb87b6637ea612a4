"""Settings of the API: all that it takes from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of the API.

    Attributes:
        results_table: name of the table.
        uploads_bucket: name of the bucket.
        models_bucket: name of the bucket.
        uploads_queue_url: of the queue that classify reads.
        dead_letter_queue_url: of the queue that holds what classify gave up.
        state_machine_arn: of the retraining.
    """

    results_table: str
    uploads_bucket: str
    models_bucket: str
    uploads_queue_url: str
    dead_letter_queue_url: str
    state_machine_arn: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
        """
        return cls(
            results_table=environment["RESULTS_TABLE"],
            uploads_bucket=environment["UPLOADS_BUCKET"],
            models_bucket=environment["MODELS_BUCKET"],
            uploads_queue_url=environment["UPLOADS_QUEUE_URL"],
            dead_letter_queue_url=environment["UPLOADS_DEAD_LETTER_QUEUE_URL"],
            state_machine_arn=environment["STATE_MACHINE_ARN"],
        )
