"""Put the service together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

from earshot.adapters.clip_store import S3ClipStore
from earshot.adapters.model_registry import ModelRegistry
from earshot.adapters.results_table import ResultsTable
from earshot.classifier import Classifier
from earshot.model import Model, load_model
from earshot.result import Result
from earshot.service import ClassifyService
from earshot.yamnet import Yamnet
from settings import Settings

AWS_CONFIG = Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard"})

logger = Logger(service="classify")


class NoResultStore:
    """Keeps nothing: for an image run by itself, with no table to write to."""

    def save(self, result: Result) -> Result:
        """Hand the result back."""
        return result


@cache
def service() -> ClassifyService:
    """The service of this execution environment, made once.

    Raises:
        ModelError: the champion is altered or does not fit.
        UnavailableError: the models bucket failed.
    """
    settings = Settings.from_environment()
    yamnet = Yamnet(settings.yamnet_dir, settings.threads)
    model = _model(settings, yamnet)
    logger.info("model loaded", model_version=model.version, model_sha256=model.sha256)
    return ClassifyService(
        classifier=Classifier(yamnet, model),
        clips=S3ClipStore(boto3.client("s3", config=AWS_CONFIG)),
        results=_results(settings),
        now=lambda: datetime.now(UTC),
    )


def _model(settings: Settings, yamnet: Yamnet) -> Model:
    if settings.models_bucket:
        registry = ModelRegistry(boto3.client("s3", config=AWS_CONFIG), settings.models_bucket)
        if champion := registry.champion():
            return load_model(
                registry.reader(champion.version), yamnet.weights_sha256, champion.manifest_sha256
            )
    return load_model(
        lambda name: (settings.bundled_model_dir / name).read_bytes(), yamnet.weights_sha256
    )


def _results(settings: Settings) -> ResultsTable | NoResultStore:
    if settings.results_table is None:
        return NoResultStore()
    client = boto3.client("dynamodb", config=AWS_CONFIG)
    return ResultsTable(client, settings.results_table, settings.result_ttl_days)
