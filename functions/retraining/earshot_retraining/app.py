"""The retraining's steps that need no model; called by the state machine."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from earshot.model.registry import ModelRegistry
from earshot.retraining.labelled_clips import LabelledClips
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import Steps

AWS_CONFIG = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard"})

logger = Logger(service="retraining")


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the step that the state machine names; an error goes back to it to retry or catch."""
    logger.append_keys(run=event["run"], step=event["step"])
    answer = {
        "plan": lambda: steps().plan(event["run"], event["input"]),
        "judge": lambda: steps().judge(event["run"]),
        "promote": lambda: steps().promote(event["run"], event["version"]),
        "reject": lambda: steps().reject(event["run"], event["version"]),
        "record_failure": lambda: steps().record_failure(event["run"], event["error"]),
    }[event["step"]]()
    logger.info("step done", answer=answer)
    return answer


@cache
def steps() -> Steps:
    """The steps, on this function's buckets."""
    s3 = boto3.client("s3", config=AWS_CONFIG)
    return Steps(
        files=RunFiles(s3, os.environ["MODELS_BUCKET"]),
        clips=LabelledClips(s3, os.environ["UPLOADS_BUCKET"]),
        registry=ModelRegistry(s3, os.environ["MODELS_BUCKET"]),
        now=lambda: datetime.now(UTC),
    )
