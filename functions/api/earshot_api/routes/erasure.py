"""Erase clips."""

from __future__ import annotations

from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.operations.erasure import Erasure
from earshot.results.serialization import Json
from earshot.times import format_time
from earshot.uploads.objects import MAX_SOURCE_LENGTH, clean_source
from earshot_api.problems import answers
from earshot_api.schemas.erasure import Erasure as ErasureAnswer
from earshot_api.schemas.requests import ClipId
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.delete(
    "/results/<clip_id>",
    operation_id="erase_result",
    summary="Erase a clip",
    description=(
        "Deletes the clip in all its versions, its result, its copy for training and its features. "
        "`remains` says what is left, and until when. Other clips that lay under the same key are "
        "erased too."
    ),
    tags=["results"],
    security=needs("admin"),
    responses=answers(ErasureAnswer, 404, 422, 503),
)
def erase(clip_id: Annotated[ClipId, Path(description="Of the clip")]) -> Json:
    return _to_json(services().erasure.erase(clip_id))


@router.delete(
    "/results",
    operation_id="erase_results",
    summary="Erase the clips of a source",
    description=(
        "Erases some clips of the source, and what lies in its folder; at last its settings. While "
        "`more` is true, the same request goes on."
    ),
    tags=["results"],
    security=needs("admin"),
    responses=answers(ErasureAnswer, 422, 503),
)
def erase_source(
    source: Annotated[
        str, Query(description="Camera or site", min_length=1, max_length=MAX_SOURCE_LENGTH)
    ],
) -> Json:
    name = clean_source(source)
    erasure = services().erasure.erase_source(name)
    if not erasure.more:
        services().source_settings.delete(name)
    return _to_json(erasure)


def _to_json(erasure: Erasure) -> Json:
    return {
        "clip_ids": list(erasure.clip_ids),
        "objects": list(erasure.objects),
        "remains": [
            {"what": one.what, "until": format_time(one.until) if one.until else None}
            for one in erasure.remains
        ],
        "more": erasure.more,
    }
