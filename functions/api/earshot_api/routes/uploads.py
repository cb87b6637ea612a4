"""Tickets for uploads."""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.results.serialization import Json
from earshot_api.authorization import caller, require
from earshot_api.problems import answers
from earshot_api.schemas.requests import TrainingClipRequest, UploadRequest
from earshot_api.schemas.uploads import Ticket, TrainingTicket
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.post(
    "/uploads",
    operation_id="issue_upload",
    summary="Get an address to upload a clip of up to 100 MB to",
    description=(
        "POST the clip to `url` as a multipart form: all `fields` first, the clip as `file` last. "
        "Its result appears at `result` seconds later; until then that answers 404."
    ),
    tags=["clips"],
    security=needs("predict"),
    status_code=HTTPStatus.CREATED,
    responses=answers(Ticket, 400, 413, 415, 422, 503, status=HTTPStatus.CREATED),
)
def issue(upload: UploadRequest) -> Json:
    source = services().sources.source(caller(router).client_id, upload.source)
    return services().tickets.issue(source, upload.recorded_at, upload.content_type)


@router.post(
    "/training-clips",
    operation_id="issue_training_clip",
    summary="Get an address to upload a labeled clip of up to 100 MB to",
    description=(
        "As /uploads, but the clip is not classified: retrainings train on it, or with `held_out` "
        "evaluate on it. That needs the scope `admin`, since it decides which version is promoted. "
        "POST /retrain with the `prefix` of the answer trains on the batch."
    ),
    tags=["models"],
    security=needs("train"),
    status_code=HTTPStatus.CREATED,
    responses=answers(TrainingTicket, 400, 413, 415, 422, status=HTTPStatus.CREATED),
)
def issue_training_clip(clip: TrainingClipRequest) -> Json:
    if clip.held_out:
        require(router, "admin")
    return services().tickets.issue_training_clip(clip.label, clip.batch, held_out=clip.held_out)
