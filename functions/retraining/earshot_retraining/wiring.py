"""Put the steps together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import boto3
from botocore.config import Config

from earshot.model.registry import ModelRegistry
from earshot.retraining.labeled_clips import LabeledClips
from earshot.retraining.run_files import RunFiles
from earshot.retraining.state_machine import StateMachine
from earshot.retraining.steps import Steps
from earshot.retraining.turn import Turn
from earshot_retraining.settings import Settings

AWS_CONFIG = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard"})


@cache
def steps() -> Steps:
    """The steps of this execution environment, made once."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3", config=AWS_CONFIG)
    machine = StateMachine(
        boto3.client("stepfunctions", config=AWS_CONFIG), settings.state_machine_arn
    )
    return Steps(
        files=RunFiles(s3, settings.models_bucket),
        clips=LabeledClips(s3, settings.uploads_bucket),
        registry=ModelRegistry(s3, settings.models_bucket),
        turn=Turn(s3, settings.models_bucket, machine.is_running),
        now=lambda: datetime.now(UTC),
    )
