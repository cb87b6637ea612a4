"""Entry point of deliver: sends the bus's events to webhooks, from a queue.

A function of its own: only it reads where webhooks are, and it may read nothing else.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from earshot.alerts.deliveries import deliveries_from
from earshot.alerts.dispatch import Dispatcher
from earshot.aws.secret import Secret
from earshot.errors import EarshotError
from earshot_alert.settings import DeliverSettings

AWS_CONFIG = Config(connect_timeout=2, read_timeout=8, retries={"mode": "standard"})

logger = Logger(service="deliver")


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on messages; those that fail come again, later each time."""
    failed = []
    for record in event["Records"]:
        try:
            logger.info(dispatcher().work(json.loads(record["body"])))
        except EarshotError:
            logger.exception("not delivered; it is tried again")
            failed.append(record["messageId"])
            count = int(record["attributes"]["ApproximateReceiveCount"])
            dispatcher().wait_longer(record["receiptHandle"], count)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


@cache
def dispatcher() -> Dispatcher:
    """The dispatcher of this execution environment, made once."""
    settings = DeliverSettings.from_environment()
    secrets = boto3.client("secretsmanager", config=AWS_CONFIG)
    text = Secret(secrets, settings.deliveries_secret)
    return Dispatcher(
        boto3.client("sqs", config=AWS_CONFIG),
        settings.queue_url,
        lambda: deliveries_from(text()),
        lambda: datetime.now(UTC),
    )
