"""Put the service together from the settings; the only place that makes AWS clients."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import boto3
from botocore.config import Config

from earshot.alerts.bus import AlertBus, KeptEvents
from earshot.alerts.delivery import AlertClaims, AlertTopic
from earshot.alerts.digest import WaitingAlerts
from earshot.alerts.links import ClipLinks, LinkSigner
from earshot.alerts.mute_table import MutesTable
from earshot.alerts.service import AlertService
from earshot.alerts.source_rules import SourceRules
from earshot.aws.secret import Secret
from earshot.results.table import ResultsTable
from earshot.sources.table import SourcesTable
from earshot_alert.settings import Settings

AWS_CONFIG = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard"})


@cache
def source_rules() -> SourceRules:
    """The rules of each source, in this execution environment."""
    settings = Settings.from_environment()
    dynamodb = boto3.client("dynamodb", config=AWS_CONFIG)
    sources = SourcesTable(dynamodb, settings.sources_table)
    return SourceRules(settings.rules, sources, lambda: datetime.now(UTC))


@cache
def service() -> AlertService:
    """The service of this execution environment, made once."""
    settings = Settings.from_environment()
    key = Secret(boto3.client("secretsmanager", config=AWS_CONFIG), settings.link_key_secret)
    links = ClipLinks(LinkSigner(key), settings.api_url, settings.ui_url, settings.retention)
    dynamodb = boto3.client("dynamodb", config=AWS_CONFIG)
    return AlertService(
        rules=source_rules(),
        claims=AlertClaims(dynamodb, settings.cooldowns_table),
        topic=AlertTopic(boto3.client("sns", config=AWS_CONFIG), settings.topic_arn),
        bus=AlertBus(
            boto3.client("events", config=AWS_CONFIG),
            settings.event_bus,
            KeptEvents(dynamodb, settings.cooldowns_table),
        ),
        waiting=WaitingAlerts(dynamodb, settings.cooldowns_table),
        results=ResultsTable(dynamodb, settings.results_table),
        mutes=MutesTable(dynamodb, settings.mutes_table, _now),
        links=links,
        now=_now,
    )


def _now() -> datetime:
    return datetime.now(UTC)
