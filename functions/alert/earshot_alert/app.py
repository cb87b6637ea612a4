"""Entry point.

Why the table's stream and not an event that classify sends: the stream holds each row that was
written, whatever becomes of the function that wrote it, and holds it once, however often the
upload's own event was delivered. A classify that wrote a row and then sent an event could fail in
between, and would need one more permission.
"""

from __future__ import annotations

import warnings
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.results.table import from_item
from earshot_alert.wiring import service

logger = Logger(service="alert")
metrics = Metrics(namespace="Earshot", service="alert")

# Most results are worth no alert.
warnings.filterwarnings("ignore", "No application metrics to publish")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consider each new result of a batch of stream records.

    Lambda sends a batch again from the first record that failed, so there is no use in going on
    after one; what is considered twice is alerted once.
    """
    for record in event["Records"]:
        try:
            consider(record)
        except Exception:
            logger.exception("result not considered; it comes again")
            return {"batchItemFailures": [{"itemIdentifier": _sequence_number(record)}]}
    return {"batchItemFailures": []}


def consider(record: dict[str, Any]) -> None:
    """Consider the row that a stream record tells of, if it is a new one."""
    if record["eventName"] != "INSERT":
        return  # feedback, or a row that expired
    result = from_item(record["dynamodb"]["NewImage"])
    if service().consider(result):
        metrics.add_metric(f"alerts_{result['label']}", MetricUnit.Count, 1)
        logger.info("alert raised", clip_id=result["clip_id"], label=result["label"])


def _sequence_number(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])
