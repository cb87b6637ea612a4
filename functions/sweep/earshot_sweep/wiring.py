"""Put the sweep together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import boto3
from botocore.config import Config

from earshot.alerts.bus import AlertBus, KeptEvents
from earshot.alerts.delivery import AlertTopic
from earshot.alerts.digest import DigestService, WaitingAlerts
from earshot.alerts.source_faults import SourceWatch
from earshot.operations.queues import SqsQueues
from earshot.operations.sweep import Sweep
from earshot.results.table import ResultsTable
from earshot.results.training_copies import TrainingCopies
from earshot.sources.table import SourcesTable
from earshot.uploads.bucket import UploadsBucket
from earshot.uploads.queue import UploadsQueue
from earshot_sweep.settings import Settings

AWS_CONFIG = Config(connect_timeout=2, read_timeout=30, retries={"mode": "standard"})


@cache
def sweep() -> Sweep:
    """The sweep of this execution environment, made once."""
    settings = Settings.from_environment()
    sqs = boto3.client("sqs", config=AWS_CONFIG)
    bucket = UploadsBucket(boto3.client("s3", config=AWS_CONFIG), settings.uploads_bucket)
    results = ResultsTable(boto3.client("dynamodb", config=AWS_CONFIG), settings.results_table)
    return Sweep(
        bucket=bucket,
        results=results,
        copies=TrainingCopies(results, bucket),
        queue=UploadsQueue(sqs, settings.uploads_queue_url),
        depths=SqsQueues(sqs, {"uploads": settings.uploads_queue_url}),
        now=lambda: datetime.now(UTC),
    )


@cache
def watch() -> SourceWatch:
    """What looks at the sources, in this execution environment."""
    settings = Settings.from_environment()
    return SourceWatch(
        SourcesTable(boto3.client("dynamodb", config=AWS_CONFIG), settings.sources_table),
        _topic(settings),
        _bus(settings),
        settings.quiet_after,
        now=lambda: datetime.now(UTC),
    )


@cache
def digest() -> DigestService:
    """What sends digests, in this execution environment."""
    settings = Settings.from_environment()
    return DigestService(
        WaitingAlerts(boto3.client("dynamodb", config=AWS_CONFIG), settings.cooldowns_table),
        ResultsTable(boto3.client("dynamodb", config=AWS_CONFIG), settings.results_table),
        _topic(settings),
        _bus(settings),
        now=lambda: datetime.now(UTC),
    )


def _topic(settings: Settings) -> AlertTopic:
    return AlertTopic(boto3.client("sns", config=AWS_CONFIG), settings.alert_topic_arn)


def _bus(settings: Settings) -> AlertBus:
    return AlertBus(
        boto3.client("events", config=AWS_CONFIG),
        settings.event_bus,
        KeptEvents(boto3.client("dynamodb", config=AWS_CONFIG), settings.cooldowns_table),
    )
