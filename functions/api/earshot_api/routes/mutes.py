"""Sounds of a source that raise no alert."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.alerts.mutes import mute_to_json
from earshot.errors import NotFoundError
from earshot.results.query import from_cursor, to_cursor
from earshot.results.serialization import Json
from earshot_api.paging import DEFAULT_LIMIT, Cursor, Limit
from earshot_api.problems import answers
from earshot_api.schemas.requests import ClipId, Source
from earshot_api.schemas.results import Mute, Mutes
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.get(
    "/mutes",
    operation_id="find_mutes",
    summary="Sounds that raise no alert, newest first",
    description=(
        "Feedback with `mute_alike` mutes them, for their source alone, until `expires_at`. A page "
        "may hold fewer than `limit`, since expired ones are left out."
    ),
    tags=["results"],
    security=needs("read"),
    responses=answers(Mutes, 400, 422, 503),
)
def find(
    source: Annotated[Source | None, Query(description="Camera or site")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Json:
    after = from_cursor(cursor) if cursor else None
    mutes, end = services().mutes.find(source, limit, after)
    return {
        "mutes": [mute_to_json(mute) for mute in mutes],
        "next_cursor": to_cursor(end) if end else None,
    }


@router.delete(
    "/mutes/<clip_id>",
    operation_id="unmute",
    summary="Let sounds like that of a clip raise alerts again",
    description="The clip keeps its feedback. Results that were muted raise no alert afterwards.",
    tags=["results"],
    security=needs("train"),
    responses=answers(Mute, 404, 422, 503),
)
def delete(clip_id: Annotated[ClipId, Path(description="Whose sound was muted")]) -> Json:
    mute = services().mutes.delete(clip_id)
    if mute is None:
        raise NotFoundError(f"There is no mute of the clip {clip_id}.")
    return mute_to_json(mute)
