"""Feedback on results."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.alerts.mutes import mute_to_json
from earshot.labels import Label
from earshot.results.feedback import Review
from earshot.results.serialization import Json, feedback_to_json
from earshot_api.authorization import caller
from earshot_api.problems import answers
from earshot_api.schemas.requests import ClipId, FeedbackRequest, Time
from earshot_api.schemas.results import FeedbackAnswer
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.post(
    "/results/<clip_id>/feedback",
    operation_id="give_feedback",
    summary="Confirm or correct a result",
    description=(
        "The clip becomes training data under the label given. A clip that is not kept any "
        "more cannot be, so its `training_key` is null. Sending the same again changes nothing. "
        "With `mute_alike`, events of the source that sound like those of the clip raise no alert "
        "until the mute expires; the label of a threat removes the clip's mute."
    ),
    tags=["results"],
    security=needs("train"),
    responses=answers(FeedbackAnswer, 400, 404, 409, 413, 415, 422, 503),
)
def give(
    clip_id: Annotated[ClipId, Path(description="Of the clip")], feedback: FeedbackRequest
) -> Json:
    subject = caller(router).subject
    if feedback.mute_alike:
        services().muting.check(clip_id)
    review = services().feedback.give(clip_id, feedback.label, feedback.comment, subject)
    mute = services().muting.mute(clip_id, subject) if feedback.mute_alike else None
    if feedback.label is not Label.CASUAL:
        services().mutes.delete(clip_id)
    return _answer(review) | {"mute": mute_to_json(mute) if mute else None}


@router.delete(
    "/results/<clip_id>/feedback",
    operation_id="withdraw_feedback",
    summary="Take back the feedback that you gave last",
    description=(
        "The feedback before it holds again, if there is any; otherwise the clip is no training "
        "data any more. The mute of the clip is deleted with it."
    ),
    tags=["results"],
    security=needs("train"),
    responses=answers(FeedbackAnswer, 404, 409, 422, 503),
)
def withdraw(
    clip_id: Annotated[ClipId, Path(description="Of the clip")],
    at: Annotated[
        Time | None,
        Query(description="`at` of the feedback; sent again, the request then takes back no other"),
    ] = None,
) -> Json:
    review = services().feedback.withdraw(clip_id, caller(router).subject, at)
    services().mutes.delete(clip_id)
    return _answer(review) | {"mute": None}


def _answer(review: Review) -> Json:
    return {
        "clip_id": review.clip_id,
        "label": str(review.label),
        "verified_label": str(review.feedback[-1].label) if review.feedback else None,
        "training_key": review.training_key,
        "feedback": [feedback_to_json(one) for one in review.feedback],
    }
