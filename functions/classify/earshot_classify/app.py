"""classify: classifies uploads (S3 events through SQS) and posted clips (`POST /predict`)."""

from __future__ import annotations

import json
import warnings
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.aws.errors import logged_with_cause
from earshot.errors import UnavailableError
from earshot.http.caller import allowed_caller
from earshot.http.problem import make_problem, problem_of, problem_response
from earshot.operations.classify_function import WHAT_SERVES
from earshot.results.result import Result
from earshot.results.serialization import to_json
from earshot.uploads.objects import Upload
from earshot_classify.posted_clip import posted_clip
from earshot_classify.settings import on_lambda
from earshot_classify.upload_events import announced_uploads
from earshot_classify.wiring import (
    asks_for_tokens,
    service,
    serving,
    source_policy,
    uploads_queue,
)

SCOPE = "earshot/predict"

logger = Logger(service="classify")
metrics = Metrics(service="classify")
http = APIGatewayHttpResolver()
uploads = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)

# An invocation without a clip, such as the test event of S3, has nothing to count.
warnings.filterwarnings("ignore", "No application metrics to publish")


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
@logged_with_cause(logger.exception)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Entry point for both kinds of event, and for the question which model serves."""
    if "Records" in event:
        return dict(process_partial_response(event, classify_message, uploads, context))
    if event == WHAT_SERVES:
        return dict(serving())
    return http.resolve(event, context)


def classify_message(record: SQSRecord) -> None:
    """Classify the uploads of one SQS message; an error returns the message to the queue."""
    try:
        for upload in announced_uploads(record.body):
            result = service().classify_upload(upload)
            log_result(result)
            tag_upload(upload, result)
    except Exception:
        logger.exception(
            "classification failed; message returned to the queue", message_id=record.message_id
        )
        return_message(record)
        raise


def tag_upload(upload: Upload, result: Result) -> None:
    """Tag an upload with its label. Without the tag it is only kept for longer."""
    try:
        service().tag_upload(upload, result)
    except UnavailableError:
        logger.exception("upload not tagged; it expires after UploadDays", clip_id=result.clip_id)


def return_message(record: SQSRecord) -> None:
    """Have a failed message tried again within seconds rather than after the visibility timeout."""
    queue = uploads_queue()
    if queue is None:
        return
    try:
        n_receives = int(record.attributes.approximate_receive_count)
        queue.return_message(record.receipt_handle, n_receives)
    except Exception:  # of no consequence but for a delay
        logger.exception("message waits for its visibility timeout", message_id=record.message_id)


@http.post("/predict")
def predict() -> Response[str]:
    """Classify a posted clip and answer with its result."""
    caller = allowed_caller(http.current_event, SCOPE, asks_for_tokens=asks_for_tokens())
    clip = posted_clip(http.current_event, caller.subject)
    source = source_policy().source(caller.client_id, clip.metadata.source)
    metadata = replace(clip.metadata, source=source)
    result = service().classify_posted(clip.content, clip.request, metadata)
    log_result(result)
    return Response(HTTPStatus.OK, "application/json", json.dumps(to_json(result)))


@http.exception_handler(Exception)
def failed(error: Exception) -> Response[str]:
    """Answer an error as problem+json."""
    problem = problem_of(error)
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        logger.exception("request failed")
    return problem_response(problem)


@http.not_found
def not_found(error: NotFoundError) -> Response[str]:
    """Answer an unknown route as problem+json."""
    return problem_response(make_problem(HTTPStatus.NOT_FOUND, "There is only POST /predict here."))


def log_result(result: Result) -> None:
    """Count and log a result, without what people said of it."""
    result = replace(result, feedback=(), verified_label=None)
    label = result.classification.label if result.classification else "rejected"
    metrics.add_metric(f"clips_{label}", MetricUnit.Count, 1)
    if found := result.classification:
        # Its average is the share.
        metrics.add_metric("uncertain", MetricUnit.Count, int(found.uncertain))
        metrics.add_metric("confidence", MetricUnit.NoUnit, found.confidence)
    details: dict[str, Any] = {"result": to_json(result)}
    if found and found.distance is not None:
        metrics.add_metric("embedding_distance", MetricUnit.NoUnit, found.distance)
        details["embedding_distance"] = round(found.distance, 3)
    logger.info("clip classified" if found else "clip rejected", **details)


if on_lambda():
    with logged_with_cause(logger.exception):
        service()  # while Lambda initializes, it lends more CPU than later
