"""Entry point.

Why the table's stream and not an event that classify sends: the stream holds each row that was
written, and holds it once, however often the upload's event was delivered. A classify that wrote a
row and then sent an event could fail in between, and would need one more permission.
"""

from __future__ import annotations

import warnings
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.errors import UnavailableError
from earshot.results.item import from_item
from earshot.results.result import Result
from earshot_alert.wiring import service, source_rules

logger = Logger(service="alert")
metrics = Metrics(service="alert")

# Most results raise no alert, and so add no metric.
warnings.filterwarnings("ignore", "No application metrics to publish")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Consider each new result of a batch of stream records.

    Lambda sends a batch again from the first record that failed, so the batch ends there. A result
    that is considered twice raises one alert.
    """
    for record in event["Records"]:
        try:
            consider(record)
        except Exception:
            logger.exception("alert failed; record returned to the stream")
            return {"batchItemFailures": [{"itemIdentifier": _sequence_number(record)}]}
    return {"batchItemFailures": []}


def consider(record: dict[str, Any]) -> None:
    """Consider the row of a stream record if it is a new one.

    A row that cannot be read would fail each time and hold up all results after it. It is counted
    (AlertsUnreadableAlarm in the template) and passed over.
    """
    if record["eventName"] != "INSERT":
        return  # feedback, or a row that expired
    try:
        result = from_item(record["dynamodb"]["NewImage"])
    except (KeyError, TypeError, ValueError):
        metrics.add_metric("results_unreadable", MetricUnit.Count, 1)
        logger.exception("result cannot be read; no alert", keys=record["dynamodb"].get("Keys"))
        return
    note_source(result)
    for alert in service().consider(result):
        metrics.add_metric(f"alerts_{alert.label}", MetricUnit.Count, 1)
        logger.info("alert sent", clip_id=alert.clip_id, label=str(alert.label))


def note_source(result: Result) -> None:
    """Note that the source has sent something; no alert waits for that, or fails by it."""
    try:
        source_rules().note(result)
    except UnavailableError:
        logger.exception("source not noted", source=result.source)


def _sequence_number(record: dict[str, Any]) -> str:
    return str(record["dynamodb"]["SequenceNumber"])
