"""Put the service together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

import boto3
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from botocore.config import Config

from earshot.access.bindings import ClientBindings
from earshot.access.sources import SourcePolicy
from earshot.archives.archive_files import ArchiveFiles
from earshot.classification.classifier import Classifier
from earshot.classification.golden_clip import check_golden_clip
from earshot.classification.service import ClassifyService
from earshot.errors import ModelError
from earshot.model.champion import Reader, ServingModel
from earshot.model.loading import load_model
from earshot.model.reference import bundled as bundled_reference
from earshot.model.registry import ModelRegistry
from earshot.model.versions import Pointer
from earshot.model.yamnets import Yamnets
from earshot.results.result import Result
from earshot.results.table import ResultsTable
from earshot.sources.retention import SourceRetention
from earshot.sources.table import SourcesTable
from earshot.uploads.clip_store import S3ClipStore, S3PostedClips
from earshot.uploads.queue import UploadsQueue
from earshot.yamnet.flatbuffer import Yamnet
from earshot_classify.settings import Settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# Requests are made by the adapters alone, whose tests see to their shape: to have botocore check
# each value of a result's row anew would take as long as YAMNet takes for a second of sound.
AWS_CONFIG = Config(
    connect_timeout=2, read_timeout=10, retries={"mode": "standard"}, parameter_validation=False
)

logger = Logger(service="classify")
metrics = Metrics(service="classify")


class NoResultStore:
    """Keeps nothing: for an image run by itself, with no table to write to."""

    def save(self, result: Result, keep_days: int = 0) -> Result:
        """Hand the result back."""
        return result


class NoRegistry:
    """Has no champion: for an image run by itself, which serves the bundled model."""

    def pointer(self) -> Pointer | None:
        """None, for ever."""
        return None

    def reader(self, version: str) -> Reader:
        """Raises, since there is no version."""
        raise ModelError(f"there is no registry to read {version} from")

    def read_yamnet(self, sha256: str) -> bytes:
        """Raises, since there is no YAMNet but the bundled one."""
        raise ModelError(f"there is no registry to read YAMNet {sha256} from")


@dataclass(frozen=True)
class Parts:
    """What an execution environment makes once."""

    model: ServingModel[Classifier]
    clips: S3ClipStore
    posted: S3PostedClips | None
    keeps_casual: bool
    results: ResultsTable | NoResultStore


def service() -> ClassifyService:
    """The service with the model that is champion now, or was within the last half minute.

    Raises:
        UnavailableError: the models bucket failed before any model was loaded.
    """
    parts = _parts()
    return ClassifyService(
        classifier=parts.model(),
        clips=parts.clips,
        posted=parts.posted,
        results=parts.results,
        now=lambda: datetime.now(UTC),
        keeps_casual=parts.keeps_casual,
        retention=_retention(),
    )


def archive_service(archive: str | None) -> ClassifyService:
    """The service for clips of archives.

    Args:
        archive: whose results also go to the results table; None to keep none there.

    Raises:
        UnavailableError: the models bucket failed before any model was loaded.
    """
    parts = _parts()
    return ClassifyService(
        classifier=parts.model(),
        clips=parts.clips,
        posted=None,
        results=_results(Settings.from_environment(), archive) if archive else NoResultStore(),
        now=lambda: datetime.now(UTC),
        retention=_retention() if archive else lambda _: 0,
    )


@cache
def archive_files() -> ArchiveFiles:
    """Files of archives."""
    bucket = Settings.from_environment().archives_bucket
    if bucket is None:
        raise RuntimeError("ARCHIVES_BUCKET is not set")
    return ArchiveFiles(boto3.client("s3", config=AWS_CONFIG), bucket)


def serving() -> dict[str, str | None]:
    """The version that serves now, its YAMNet, and why the champion does not if it does not."""
    model = _parts().model
    classifier = model()
    return {
        "version": classifier.model.version,
        "manifest_sha256": classifier.model.sha256,
        "yamnet_sha256": classifier.yamnet_sha256,
        "refusal": model.refusal,
    }


@cache
def uploads_queue() -> UploadsQueue | None:
    """The queue that failed messages return to; None for an image that is run by itself."""
    url = Settings.from_environment().uploads_queue_url
    return UploadsQueue(boto3.client("sqs", config=AWS_CONFIG), url) if url else None


@cache
def source_policy() -> SourcePolicy:
    """Which client may name which source."""
    settings = Settings.from_environment()
    bindings = None
    if settings.clients_table:
        client = boto3.client("dynamodb", config=AWS_CONFIG)
        bindings = ClientBindings(client, settings.clients_table)
    return SourcePolicy(bindings, settings.unbound_clients)


@cache
def asks_for_tokens() -> bool:
    """Whether an authorizer stands before `/predict`."""
    settings = Settings.from_environment()
    return settings.clients_table is not None and settings.api_tokens


@cache
def _retention() -> Callable[[str], int]:
    table = Settings.from_environment().sources_table
    if table is None:
        return lambda _: 0
    sources = SourcesTable(boto3.client("dynamodb", config=AWS_CONFIG), table)
    return SourceRetention(sources, lambda: datetime.now(UTC))


@cache
def _parts() -> Parts:
    settings = Settings.from_environment()
    yamnet = Yamnet(settings.yamnet_dir, settings.threads)
    s3 = boto3.client("s3", config=AWS_CONFIG)
    return Parts(
        model=_serving_model(settings, yamnet, s3),
        clips=S3ClipStore(s3),
        posted=_posted(settings, s3),
        keeps_casual=settings.keeps_casual_clips,
        results=_results(settings),
    )


def _serving_model(settings: Settings, yamnet: Yamnet, s3: S3Client) -> ServingModel[Classifier]:
    registry: NoRegistry | ModelRegistry = NoRegistry()
    if settings.models_bucket:
        registry = ModelRegistry(s3, settings.models_bucket)
    yamnets = Yamnets(yamnet, registry.read_yamnet)

    def load(read: Reader, manifest_sha256: str | None) -> Classifier:
        model = load_model(read, None, manifest_sha256)
        own = yamnets.of(model.manifest)
        reference = bundled_reference(settings.yamnet_dir, own.weights_sha256)
        classifier = Classifier(own, model, reference)
        check_golden_clip(classifier)
        logger.info("model loaded", model_version=model.version, model_sha256=model.sha256)
        return classifier

    def bundled(name: str) -> bytes:
        return (settings.bundled_model_dir / name).read_bytes()

    return ServingModel(
        registry,
        load=load,
        bundled=bundled,
        refused=_champion_refused,
        # Not the monotonic clock: it stands still while an environment is frozen or a snapshot,
        # which would then serve the champion of long ago for another half minute.
        clock=time.time,
        recheck_s=settings.recheck_s,
    )


def _champion_refused(error: Exception) -> None:
    """Count and log a champion that could not be loaded, for ChampionRefusedAlarm."""
    metrics.add_metric("champion_refused", MetricUnit.Count, 1)
    logger.error("the champion could not be loaded; an earlier model keeps serving", exc_info=error)


def _posted(settings: Settings, s3: S3Client) -> S3PostedClips | None:
    if settings.posted_clips_bucket is None:
        return None
    return S3PostedClips(s3, settings.posted_clips_bucket)


def _results(settings: Settings, archive: str | None = None) -> ResultsTable | NoResultStore:
    if settings.results_table is None:
        return NoResultStore()
    client = boto3.client("dynamodb", config=AWS_CONFIG)
    return ResultsTable(
        client, settings.results_table, settings.result_ttl_days, archive, settings.label_buckets
    )
