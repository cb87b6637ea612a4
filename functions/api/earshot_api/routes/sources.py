"""Sources: their settings, and what their listeners report."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.errors import NotFoundError
from earshot.results.serialization import Json
from earshot.sources.settings import settings_from_json
from earshot.sources.source import Heartbeat
from earshot_api.authorization import caller
from earshot_api.problems import answers
from earshot_api.schemas.requests import Folder
from earshot_api.schemas.sources import HeartbeatRequest, Source, SourceRequest, Sources
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()

Name = Annotated[Folder, Path(description="As clips carry it")]


@router.get(
    "/sources",
    operation_id="find_sources",
    summary="Sources, with their settings and what is known of their microphones",
    tags=["sources"],
    security=needs("read"),
    responses=answers(Sources, 503),
)
def find() -> Json:
    return {"sources": [one.to_json() for one in services().source_settings.all()]}


@router.get(
    "/sources/<source>",
    operation_id="get_source",
    summary="A source",
    tags=["sources"],
    security=needs("read"),
    responses=answers(Source, 404, 422, 503),
)
def get(source: Name) -> Json:
    found = services().source_settings.get(source)
    if found is None:
        raise NotFoundError(f"Nothing was ever seen of the source {source}, and nothing is set.")
    return found.to_json()


@router.put(
    "/sources/<source>",
    operation_id="set_source",
    summary="Set what holds for a source",
    description=(
        "All settings are replaced; they hold within a minute. A source that was never seen may "
        "be set beforehand."
    ),
    tags=["sources"],
    security=needs("admin"),
    responses=answers(Source, 400, 404, 413, 415, 422, 503),
)
def put(source: Name, wanted: SourceRequest) -> Json:
    settings = settings_from_json(wanted.model_dump(mode="json"))
    return services().source_settings.set(source, settings).to_json()


@router.post(
    "/sources/<source>/heartbeat",
    operation_id="beat",
    summary="Report the state of a listener and its microphone",
    description="Once a minute. A device reports the sources that it is bound to.",
    tags=["sources"],
    security=needs("predict"),
    responses=answers(Source, 400, 403, 404, 413, 415, 422, 503),
)
def beat(source: Name, report: HeartbeatRequest) -> Json:
    allowed = services().sources.source(caller(router).client_id, source) or source
    level = None if report.level_dbfs is None else round(report.level_dbfs, 1)
    heartbeat = Heartbeat(
        report.sent_at, report.segments, level, report.microphone, report.waiting, report.dropped
    )
    return services().source_settings.beat(allowed, heartbeat, datetime.now(UTC)).to_json()
