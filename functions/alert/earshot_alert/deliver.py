"""Entry point of deliver: sends the bus's events to webhooks, from a queue.

A function of its own: only it reads where webhooks are, and it may read nothing else.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
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

# The function has 30 s.
DEADLINE_S = 22.0

logger = Logger(service="deliver")


@logger.inject_lambda_context(clear_state=True)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Work on messages, all at once; those that fail come again, later each time.

    A receiver that is slow keeps no other waiting. What is not done in time counts as failed, so
    that it alone comes again; should it still get through, it comes twice.
    """
    records = event["Records"]
    pool = ThreadPoolExecutor(max(1, len(records)))
    work = {pool.submit(_is_done, record): record["messageId"] for record in records}
    _, late = wait(work, DEADLINE_S)
    pool.shutdown(wait=False, cancel_futures=True)
    failed = [one for future, one in work.items() if future in late or not future.result()]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def _is_done(record: dict[str, Any]) -> bool:
    """Whether a message has been dealt with."""
    try:
        logger.info(dispatcher().work(json.loads(record["body"])))
    except Exception:  # whatever it is, the other messages of the batch have nothing to do with it
        logger.exception("not delivered; it is tried again")
    else:
        return True
    count = int(record["attributes"]["ApproximateReceiveCount"])
    try:
        dispatcher().wait_longer(record["receiptHandle"], count)
    except EarshotError:
        logger.exception("it waits as long as the queue says")
    return False


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
