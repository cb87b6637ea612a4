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
        label_buckets: of each label in the table's index of labels.
        uploads_bucket: name of the bucket.
        models_bucket: name of the bucket.
        uploads_queue_url: of the queue that classify reads.
        uploads_dead_letter_queue_url: of the queue of uploads that classify failed on.
        state_machine_arn: of the retraining.
        classify_function: name of the function, with the alias whose version serves.
        clients_table: name of the table of clients and their sources.
        mutes_table: name of the table of muted sounds.
        mute_days: after which a mute expires.
        sources_table: name of the table of sources and their settings.
        unbound_clients: client ids that may name any source, separated by commas.
        log_retention_days: for which logs are kept.
        link_key_secret: ARN of the secret with which links to sound are signed.
    """

    results_table: str
    uploads_bucket: str
    models_bucket: str
    uploads_queue_url: str
    uploads_dead_letter_queue_url: str
    state_machine_arn: str
    classify_function: str
    clients_table: str
    mutes_table: str
    mute_days: int
    sources_table: str
    log_retention_days: int
    link_key_secret: str
    label_buckets: int = 1
    unbound_clients: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
            ValueError: a number is none.
        """
        return cls(
            results_table=environment["RESULTS_TABLE"],
            uploads_bucket=environment["UPLOADS_BUCKET"],
            models_bucket=environment["MODELS_BUCKET"],
            uploads_queue_url=environment["UPLOADS_QUEUE_URL"],
            uploads_dead_letter_queue_url=environment["UPLOADS_DEAD_LETTER_QUEUE_URL"],
            state_machine_arn=environment["STATE_MACHINE_ARN"],
            classify_function=environment["CLASSIFY_FUNCTION"],
            clients_table=environment["CLIENTS_TABLE"],
            mutes_table=environment["MUTES_TABLE"],
            mute_days=int(environment["MUTE_DAYS"]),
            sources_table=environment["SOURCES_TABLE"],
            log_retention_days=int(environment["LOG_RETENTION_DAYS"]),
            link_key_secret=environment["LINK_KEY_SECRET"],
            label_buckets=int(environment.get("LABEL_BUCKETS") or 1),
            unbound_clients=environment.get("UNBOUND_CLIENTS", ""),
        )


def api_tokens(environment: Mapping[str, str] = os.environ) -> str:
    """`none` on a local stack that asks for no token; all else asks for one."""
    return environment.get("API_TOKENS", "")
