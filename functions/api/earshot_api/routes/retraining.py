"""Retrainings: start one, and read its state."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.results.serialization import Json
from earshot.retraining.plan import Request
from earshot.uploads.objects import TRAINING_PREFIX
from earshot_api.authorization import caller
from earshot_api.problems import answers
from earshot_api.schemas.models import Outlook, Retraining, StartedRetraining
from earshot_api.schemas.requests import RetrainingId, RetrainRequest, TrainingPrefix
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.post(
    "/retrain",
    operation_id="start_retraining",
    summary="Start a retraining",
    description=(
        "Trains on the labeled clips under `prefix` in the uploads bucket, and on those that the "
        "champion was trained on. The candidate becomes champion only if it passes the gate. "
        "`status` is the route of its state. While another one is under way, none starts: a 409 "
        "names it as `retraining`. One that is certain not to succeed is refused, too: a 409 "
        "says what is missing, as `GET /retrain` does. With an `Idempotency-Key` the same request "
        "can be sent again and starts no other retraining."
    ),
    tags=["models"],
    security=needs("train"),
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(StartedRetraining, 400, 409, 413, 415, 422, 503, status=HTTPStatus.ACCEPTED),
)
def start(wanted: RetrainRequest) -> Json:
    request = Request.from_input({**wanted.model_dump(), "requested_by": caller(router).subject})
    run = services().retraining.start(request, router.current_event.headers.get("idempotency-key"))
    return {"id": run, "state": "running", "status": f"/retrain/{run}"}


@router.get(
    "/retrain",
    operation_id="get_outlook",
    summary="Whether a retraining can start, and the earlier ones",
    description=(
        "What it would learn from, which clips evaluate it, and `reasons` that would have it "
        "refused. What only the content of the clips decides is not known before it runs."
    ),
    tags=["models"],
    security=needs("read"),
    responses=answers(Outlook, 422, 503),
)
def outlook(
    prefix: Annotated[
        TrainingPrefix, Query(description="Folder of clips, as for POST /retrain")
    ] = TRAINING_PREFIX,
) -> Json:
    return services().retraining.outlook(Request(prefix=prefix))


@router.get(
    "/retrain/<run>",
    operation_id="get_retraining",
    summary="State of a retraining",
    description=(
        "State, step, share of the clips that are embedded, metrics once they are measured, and "
        "in the end the gate's decision with its reasons."
    ),
    tags=["models"],
    security=needs("read"),
    responses=answers(Retraining, 404, 422, 503),
)
def status(
    run: Annotated[RetrainingId, Path(description="As POST /retrain gave it")],
) -> Json:
    return services().retraining.status(run)
