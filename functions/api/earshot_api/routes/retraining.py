"""Retrainings: begin one, and see where it stands."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from earshot.results.serialization import Json
from earshot.retraining.plan import Request
from earshot_api.person import person
from earshot_api.problems import answers
from earshot_api.schemas import Retraining, RetrainingId, RetrainRequest, StartedRetraining
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = Router()


@router.post(
    "/retrain",
    operation_id="start_retraining",
    summary="Begin a retraining",
    description=(
        "Learns from the labelled clips under `prefix` in the uploads bucket, and from what the "
        "champion had learnt from. The new version becomes champion only if the gate lets it "
        "pass. `status` is where to see how it goes."
    ),
    tags=["models"],
    security=needs("train"),
    status_code=HTTPStatus.ACCEPTED,
    responses=answers(StartedRetraining, 400, 413, 415, 422, 503, status=HTTPStatus.ACCEPTED),
)
def start(wanted: RetrainRequest) -> Json:
    request = Request.from_input({**wanted.model_dump(), "requested_by": person(router)})
    run = services().retraining.start(request)
    return {"id": run, "state": "running", "status": f"/retrain/{run}"}


@router.get(
    "/retrain/<run>",
    operation_id="get_retraining",
    summary="Where a retraining stands",
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
