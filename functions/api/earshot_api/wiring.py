"""Put the services together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from earshot.access.bindings import ClientBindings
from earshot.access.sources import SourcePolicy
from earshot.alerts.links import LinkSigner
from earshot.alerts.mute_table import MutesTable
from earshot.alerts.muting import MutingService
from earshot.aws.secret import Secret
from earshot.http.caller import NO_TOKENS
from earshot.model.publishing import Publisher
from earshot.model.registry import ModelRegistry
from earshot.model.staging import Staging
from earshot.operations.classify_function import ClassifyFunction
from earshot.operations.erasure import ErasureService
from earshot.operations.queues import SqsQueues
from earshot.operations.status import StatusService
from earshot.results.feedback import FeedbackService
from earshot.results.sound import ClipSounds
from earshot.results.summary import ResultCounts
from earshot.results.table import ResultsTable
from earshot.results.training_copies import TrainingCopies
from earshot.retraining.labeled_clips import LabeledClips
from earshot.retraining.readiness import Readiness
from earshot.retraining.run_files import RunFiles
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import StateMachine
from earshot.retraining.traces import TrainingTraces
from earshot.sources.table import SourcesTable
from earshot.uploads.bucket import UploadsBucket
from earshot.uploads.tickets import TicketOffice
from earshot_api.settings import Settings, api_tokens

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

AWS_CONFIG = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard"})
# Presigned addresses name the bucket's own region: a new bucket outside us-east-1 answers at the
# global one with a redirect, which no form follows.
S3_CONFIG = AWS_CONFIG.merge(Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))

# For a cold start of classify; a status report does not wait for it any longer.
LAMBDA_CONFIG = Config(connect_timeout=2, read_timeout=12, retries={"total_max_attempts": 1})


@dataclass(frozen=True)
class Services:
    """What the routes call."""

    results: ResultsTable
    counts: ResultCounts
    sounds: ClipSounds
    signer: LinkSigner
    tickets: TicketOffice
    feedback: FeedbackService
    status: StatusService
    retraining: RetrainingService
    models: ModelRegistry
    publisher: Publisher
    uploads: UploadsBucket
    clients: ClientBindings
    sources: SourcePolicy
    source_settings: SourcesTable
    erasure: ErasureService
    mutes: MutesTable
    muting: MutingService


@cache
def services() -> Services:
    """The services of this execution environment, made once."""
    settings = Settings.from_environment()
    s3 = boto3.client("s3", config=S3_CONFIG)
    uploads = UploadsBucket(s3, settings.uploads_bucket)
    dynamodb = boto3.client("dynamodb", config=AWS_CONFIG)
    results = ResultsTable(dynamodb, settings.results_table, buckets=settings.label_buckets)
    clients = ClientBindings(dynamodb, settings.clients_table)
    mutes = MutesTable(dynamodb, settings.mutes_table, _now)
    queues = SqsQueues(
        boto3.client("sqs", config=AWS_CONFIG),
        {
            "uploads": settings.uploads_queue_url,
            "uploads_dead_letter": settings.uploads_dead_letter_queue_url,
        },
    )
    models = ModelRegistry(s3, settings.models_bucket)
    machine = StateMachine(
        boto3.client("stepfunctions", config=AWS_CONFIG), settings.state_machine_arn
    )
    return Services(
        results=results,
        counts=ResultCounts(dynamodb, settings.results_table, settings.label_buckets),
        sounds=ClipSounds(results, uploads),
        signer=LinkSigner(
            Secret(boto3.client("secretsmanager", config=AWS_CONFIG), settings.link_key_secret)
        ),
        tickets=TicketOffice(uploads, _now),
        feedback=FeedbackService(results, TrainingCopies(results, uploads), _now),
        uploads=uploads,
        clients=clients,
        erasure=ErasureService(
            results,
            uploads,
            TrainingTraces(s3, settings.models_bucket).erase,
            mutes,
            settings.log_retention_days,
            _now,
        ),
        mutes=mutes,
        muting=MutingService(results, mutes, timedelta(settings.mute_days), _now),
        source_settings=SourcesTable(dynamodb, settings.sources_table),
        sources=SourcePolicy(clients, settings.unbound_clients.split(",")),
        status=StatusService(
            models,
            queues,
            results,
            _now,
            _now(),  # of the first request: what is made before may be a snapshot of long ago
            ClassifyFunction(_lambda_client, settings.classify_function),
        ),
        models=models,
        publisher=Publisher(models, Staging(s3, settings.models_bucket)),
        retraining=RetrainingService(
            machine,
            RunFiles(s3, settings.models_bucket),
            models,
            _now,
            Readiness(LabeledClips(s3, settings.uploads_bucket), models),
        ),
    )


@cache
def asks_for_tokens() -> bool:
    """Whether an authorizer stands before the routes."""
    return api_tokens() != NO_TOKENS


@cache
def _lambda_client() -> LambdaClient:
    """Made when it is asked for: by the status report alone."""
    return boto3.client("lambda", config=LAMBDA_CONFIG)


def _now() -> datetime:
    return datetime.now(UTC)
