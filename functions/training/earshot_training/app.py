"""The retraining's steps that hear, learn and measure; called by the state machine."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from earshot.model.registry import ModelRegistry
from earshot.retraining.labelled_clips import LabelledClips
from earshot.retraining.plan import Batch
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import FEATURES_FOLDER
from earshot.yamnet.flatbuffer import Yamnet

AWS_CONFIG = Config(connect_timeout=2, read_timeout=60, retries={"mode": "standard"})

logger = Logger(service="training")


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the step that the state machine names; an error goes back to it to retry or catch."""
    logger.append_keys(run=event["run"], step=event["step"])
    answer = {"embed": embed, "train": train, "evaluate": evaluate}[event["step"]](event)
    logger.info("step done", answer=answer)
    return answer


def embed(event: dict[str, Any]) -> dict[str, Any]:
    """Hear one batch and write its features."""
    from training.steps.embed import hear_batch

    batch = Batch.from_json(event["batch"])
    clips = LabelledClips(s3(), os.environ["UPLOADS_BUCKET"])
    heard = hear_batch(
        batch,
        lambda clip: clips.read(clip.key, clip.version_id),
        yamnet(),
        event["batch"]["augmentations"],
        event["batch"]["seed"],
    )
    name = f"{FEATURES_FOLDER}{batch.index:06}.npz"
    files().write(event["run"], name, heard.features.to_npz(rejected=heard.rejected))
    return {"batch": batch.index, "clips": len(batch.clips), "rejected": len(heard.rejected)}


def train(event: dict[str, Any]) -> dict[str, Any]:
    """Learn; the first time on an account, the bundled model becomes the champion before."""
    from training.steps.train import seed_first_champion, train

    seed_first_champion(registry(), Path(os.environ["BUNDLED_MODEL_DIR"]))
    return train(event["run"], files(), registry(), yamnet().weights_sha256)


def evaluate(event: dict[str, Any]) -> dict[str, Any]:
    """Measure candidate and champion."""
    from training.steps.evaluate import evaluate

    return evaluate(event["run"], files(), registry(), yamnet().weights_sha256)


@cache
def s3() -> Any:
    """S3, once for each execution environment."""
    return boto3.client("s3", config=AWS_CONFIG)


@cache
def yamnet() -> Yamnet:
    """YAMNet, once for each execution environment."""
    return Yamnet(Path(os.environ["YAMNET_DIR"]))


def files() -> RunFiles:
    """Working files of retrainings."""
    return RunFiles(s3(), os.environ["MODELS_BUCKET"])


def registry() -> ModelRegistry:
    """The model registry."""
    return ModelRegistry(s3(), os.environ["MODELS_BUCKET"])
