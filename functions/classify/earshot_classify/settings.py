"""Settings of classify: all that it takes from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from earshot.http.caller import NO_TOKENS
from earshot.model.champion import RECHECK_S

LAMBDA_MB_PER_VCPU = 1769  # AWS Lambda Developer Guide, "Configure Lambda function memory"


@dataclass(frozen=True)
class Settings:
    """Settings of classify.

    Attributes:
        yamnet_dir: folder of the converted YAMNet.
        bundled_model_dir: the model version inside the image; it serves until a champion exists.
        models_bucket: of the model registry; None serves the bundled model.
        results_table: None keeps no results: the image is being run by itself.
        posted_clips_bucket: keeps what is posted; None keeps nothing of it.
        keeps_casual_clips: whether it also keeps what is casual and not uncertain.
        uploads_queue_url: failed messages return to this queue; None for an image run by itself.
        label_buckets: of each label in the table's index of labels.
        archives_bucket: of the files of archives; None for a function that classifies none.
        sources_table: how long clips of each source are kept; None for an image run by itself.
        clients_table: which client may name which source; None for an image run by itself, which
            asks for no token.
        unbound_clients: client ids that may name any source.
        api_tokens: False on a local stack that asks for no token.
        result_ttl_days: days after which a result is deleted; 0 keeps it.
        recheck_s: seconds between checks for a new champion.
        threads: of one inference: the vCPUs that the function's memory buys.
    """

    yamnet_dir: Path
    bundled_model_dir: Path
    models_bucket: str | None = None
    results_table: str | None = None
    posted_clips_bucket: str | None = None
    keeps_casual_clips: bool = True
    uploads_queue_url: str | None = None
    label_buckets: int = 1
    archives_bucket: str | None = None
    sources_table: str | None = None
    clients_table: str | None = None
    unbound_clients: tuple[str, ...] = ()
    api_tokens: bool = True
    result_ttl_days: int = 0
    recheck_s: float = RECHECK_S
    threads: int = 1

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable without a default is missing.
            ValueError: a number is none.
        """
        memory_mb = int(environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", LAMBDA_MB_PER_VCPU))
        return cls(
            yamnet_dir=Path(environment["YAMNET_DIR"]),
            bundled_model_dir=Path(environment["BUNDLED_MODEL_DIR"]),
            models_bucket=environment.get("MODELS_BUCKET") or None,
            results_table=environment.get("RESULTS_TABLE") or None,
            posted_clips_bucket=environment.get("POSTED_CLIPS_BUCKET") or None,
            keeps_casual_clips=environment.get("KEEP_CASUAL_CLIPS") != "false",
            uploads_queue_url=environment.get("UPLOADS_QUEUE_URL") or None,
            label_buckets=int(environment.get("LABEL_BUCKETS") or 1),
            archives_bucket=environment.get("ARCHIVES_BUCKET") or None,
            sources_table=environment.get("SOURCES_TABLE") or None,
            clients_table=environment.get("CLIENTS_TABLE") or None,
            unbound_clients=tuple(environment.get("UNBOUND_CLIENTS", "").split(",")),
            api_tokens=environment.get("API_TOKENS") != NO_TOKENS,
            result_ttl_days=int(environment.get("RESULT_TTL_DAYS") or 0),
            recheck_s=float(environment.get("CHAMPION_RECHECK_S") or RECHECK_S),
            threads=max(1, round(memory_mb / LAMBDA_MB_PER_VCPU)),
        )


def on_lambda(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process serves Lambda's runtime, rather than a test or a tool."""
    return "AWS_LAMBDA_RUNTIME_API" in environment
