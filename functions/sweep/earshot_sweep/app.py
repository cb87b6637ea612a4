"""Entry point: schedules call it each hour and each minute, and people whenever they like."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.aws.errors import logged_with_cause
from earshot.operations.sweep import MAX_AGE, MIN_AGE
from earshot_sweep.wiring import digest, sweep, watch

logger = Logger(service="sweep")
metrics = Metrics(service="sweep")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@logged_with_cause(logger.exception)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Sweep once, or look at the sources once; returns the report.

    Args:
        event: `watch` looks at the sources and does not sweep, `digest` sends the alerts that
            could wait. Otherwise `min_age_minutes` and
            `max_age_hours` of the uploads to look up; defaults are those of the schedule.
        context: of the invocation.
    """
    if event.get("watch"):
        return watch_sources()
    if event.get("digest"):
        sent = digest().run()
        logger.info("digests sent", report=sent)
        return sent
    min_age, max_age = MIN_AGE, MAX_AGE
    if "min_age_minutes" in event:
        min_age = timedelta(minutes=float(event["min_age_minutes"]))
    if "max_age_hours" in event:
        max_age = timedelta(hours=float(event["max_age_hours"]))
    report = sweep().run(min_age, max_age).to_json()
    metrics.add_metric("uploads_without_result", MetricUnit.Count, report["without_result"])
    logger.info("swept", report=report)
    return report


def watch_sources() -> dict[str, Any]:
    """Look at the sources once; returns the report."""
    report = watch().run()
    metrics.add_metric("quiet_sources", MetricUnit.Count, report["silent"])
    metrics.add_metric("events_kept", MetricUnit.Count, report["events_kept"])
    if report["alerts"]:
        logger.info("news of sources", report=report)
    return report
