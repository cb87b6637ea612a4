"""Put the parts together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import boto3
from botocore.config import Config

from earshot.model.registry import ModelRegistry
from earshot.model.yamnets import Yamnets
from earshot.retraining.labeled_clips import LabeledClips
from earshot.retraining.run_files import RunFiles
from earshot.retraining.traces import TrainingTraces
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME, Yamnet
from earshot_training.settings import Settings

AWS_CONFIG = Config(connect_timeout=2, read_timeout=60, retries={"mode": "standard"})


@dataclass(frozen=True)
class Parts:
    """What an execution environment makes once.

    Attributes:
        yamnets: to embed clips with, for each version its own.
        flatbuffer: path of the bundled one.
        clips: labeled clips; their bucket is set where clips are embedded.
        files: of the retrainings.
        registry: of the models.
        traces: of clips in earlier retrainings.
        bundled_model_dir: the model version inside the image.
    """

    yamnets: Yamnets
    flatbuffer: Path
    clips: LabeledClips
    files: RunFiles
    registry: ModelRegistry
    traces: TrainingTraces
    bundled_model_dir: Path


@cache
def parts() -> Parts:
    """The parts of this execution environment."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3", config=AWS_CONFIG)
    registry = ModelRegistry(s3, settings.models_bucket)
    return Parts(
        yamnets=Yamnets(Yamnet(settings.yamnet_dir), registry.read_yamnet),
        flatbuffer=settings.yamnet_dir / FLATBUFFER_NAME,
        clips=LabeledClips(s3, settings.uploads_bucket or ""),
        files=RunFiles(s3, settings.models_bucket),
        registry=registry,
        traces=TrainingTraces(s3, settings.models_bucket),
        bundled_model_dir=settings.bundled_model_dir,
    )
