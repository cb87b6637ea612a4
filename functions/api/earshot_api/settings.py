"""Settings of the API: all that it takes from its environment."""

from __future__ import annotations

from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of the API, each from the environment variable of its name.

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
        api_tokens: `none` on a local stack that asks for no token; all else asks for one.

    Raises:
        ValidationError: a variable is missing.
    """

    model_config = SettingsConfigDict(frozen=True)

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
    api_tokens: str = ""
