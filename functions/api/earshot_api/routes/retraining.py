"""Retrainings: start one, and read its state."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.results.serialization import Json
from earshot.retraining.plan import Request
from earshot_api.authorization import caller
from earshot_api.problems import answers
from earshot_api.schemas.models import Retraining, StartedRetraining
from earshot_api.schemas.requests import RetrainingId, RetrainRequest
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
        "names it as `retraining`. With an `Idempotency-Key` the same request can be "
        "sent again and starts no other retraining."
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
