"""Results: one, or those that match."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.errors import NotFoundError
from earshot.labels import Label
from earshot.results.query import ResultQuery, TimeOf, from_cursor, to_cursor
from earshot.results.result import MAX_LATE
from earshot.results.serialization import Json, to_json
from earshot.results.sound import SOUND_LINK_LIFETIME
from earshot.results.states import State
from earshot.uploads.objects import MAX_SOURCE_LENGTH, clean_source
from earshot_api.paging import DEFAULT_LIMIT, Cursor, Limit
from earshot_api.problems import answers
from earshot_api.schemas.requests import ClipId, Time
from earshot_api.schemas.results import Result, Results, Summary
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()

ByLabel = Annotated[Label | None, Query(description="Label of the classification")]
BySource = Annotated[
    str | None, Query(description="Camera or site", min_length=1, max_length=MAX_SOURCE_LENGTH)
]
From = Annotated[Time | None, Query(alias="from", description="From this time on")]
To = Annotated[Time | None, Query(alias="to", description="Before this time")]
By = Annotated[
    TimeOf,
    Query(
        description="What `from` and `to` are about: when the clip was recorded, if that is known "
        f"and at most {MAX_LATE.days} days before it was classified; or when it was classified"
    ),
]
MinConfidence = Annotated[float | None, Query(ge=0, le=1, allow_inf_nan=False)]
_STATE = "|".join(State)
States = Annotated[
    str | None,
    Query(
        description=f"All of which hold, with commas between them: {', '.join(State)}",
        pattern=rf"^({_STATE})(,({_STATE}))*$",
        max_length=100,
    ),
]
BucketLength = Annotated[
    int | None,
    Query(
        ge=60,
        le=366 * 86400,
        description="Seconds; by itself, of 72 stretches at most from `from` to `to`, or to now",
    ),
]


@router.get(
    "/results",
    operation_id="find_results",
    summary="Results, newest first",
    description=(
        "In order of their classification. A page may hold fewer results than `limit` while there "
        "are more: as long as `next_cursor` is not null, send it as `cursor`. Results that "
        "arrive in the meantime neither repeat nor hide any."
    ),
    tags=["results"],
    security=needs("read"),
    responses=answers(Results, 422, 503),
)
def find(
    label: ByLabel = None,
    source: BySource = None,
    start: From = None,
    end: To = None,
    by: By = TimeOf.RECORDED,
    min_confidence: MinConfidence = None,
    state: States = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Json:
    query = _query(label, source, start, end, by, min_confidence, state)
    page = services().results.find(query, limit, from_cursor(cursor) if cursor else None)
    return {
        "results": [to_json(result) for result in page.results],
        "next_cursor": to_cursor(page.end) if page.end else None,
    }


@router.get(
    "/results/summary",
    operation_id="summarize_results",
    summary="How many results there are, by time, source and label",
    description=(
        "For the filters of /results. A clip counts at the time that `by` says. The stretches of "
        "time begin at `from`. As long as `next_cursor` is not null there is more to count: send "
        "it as `cursor` with the same `bucket_s`, and add the counts."
    ),
    tags=["results"],
    security=needs("read"),
    responses=answers(Summary, 422, 503),
)
def summarize(
    label: ByLabel = None,
    source: BySource = None,
    start: From = None,
    end: To = None,
    by: By = TimeOf.RECORDED,
    min_confidence: MinConfidence = None,
    state: States = None,
    bucket_s: BucketLength = None,
    cursor: Cursor = None,
) -> Json:
    query = _query(label, source, start, end, by, min_confidence, state)
    bucket = timedelta(seconds=bucket_s) if bucket_s else None
    found = services().counts.summary(query, bucket, from_cursor(cursor) if cursor else None)
    return {
        "bucket_s": round(found.bucket.total_seconds()),
        "counts": [count.to_json() for count in found.counts],
        "next_cursor": to_cursor(found.end) if found.end else None,
    }


def _query(
    label: Label | None,
    source: str | None,
    start: datetime | None,
    end: datetime | None,
    by: TimeOf,
    min_confidence: float | None,
    states: str | None,
) -> ResultQuery:
    wanted = frozenset(map(State, states.split(","))) if states else frozenset()
    return ResultQuery(
        label, source and clean_source(source), start, end, min_confidence, wanted, by
    )


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
        url = services().uploads.link(result.location, SOUND_LINK_LIFETIME)
        result = replace(result, clip_url=url)
    return to_json(result)
