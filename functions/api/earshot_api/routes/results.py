"""Results: one, or those that match."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.alerts.service import LINK_LIFETIME
from earshot.errors import NotFoundError
from earshot.labels import Label
from earshot.results.query import ResultQuery, from_cursor, to_cursor
from earshot.results.serialization import Json, to_json
from earshot.uploads.objects import MAX_SOURCE_LENGTH, clean_source
from earshot_api.paging import DEFAULT_LIMIT, Cursor, Limit
from earshot_api.problems import answers
from earshot_api.schemas.requests import ClipId, Time
from earshot_api.schemas.results import Result, Results
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.get(
    "/results",
    operation_id="find_results",
    summary="Results, newest first",
    description=(
        "A page may hold fewer results than `limit` while there are more: as long as "
        "`next_cursor` is not null, send it as `cursor`. Results that "
        "arrive in the meantime neither repeat nor hide any."
    ),
    tags=["results"],
    security=needs("read"),
    responses=answers(Results, 422, 503),
)
def find(
    label: Annotated[Label | None, Query(description="Label of the classification")] = None,
    source: Annotated[
        str | None,
        Query(description="Camera or site", min_length=1, max_length=MAX_SOURCE_LENGTH),
    ] = None,
    start: Annotated[Time | None, Query(alias="from", description="From this time on")] = None,
    end: Annotated[Time | None, Query(alias="to", description="Before this time")] = None,
    min_confidence: Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Json:
    query = ResultQuery(label, source and clean_source(source), start, end, min_confidence)
    page = services().results.find(query, limit, from_cursor(cursor) if cursor else None)
    return {
        "results": [to_json(result) for result in page.results],
        "next_cursor": to_cursor(page.end) if page.end else None,
    }


@router.get(
    "/results/<clip_id>",
    operation_id="get_result",
    summary="Result of a clip",
    description="`clip_url` is where the clip itself can be fetched from within the hour.",
    tags=["results"],
    security=needs("read"),
    responses=answers(Result, 404, 422, 503),
)
def get(clip_id: Annotated[ClipId, Path(description="Of the clip")]) -> Json:
    result = services().results.get(clip_id)
    if result is None:
        raise NotFoundError(
            f"There is no result for the clip {clip_id}. A clip that was just uploaded has one "
            "within seconds."
        )
    if result.location:
        url = services().uploads.link(result.location, LINK_LIFETIME)
        result = replace(result, clip_url=url)
    return to_json(result)
