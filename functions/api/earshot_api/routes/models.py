"""Model versions: list, publish, read and promote them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path, Query
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.errors import NotFoundError
from earshot.results.serialization import Json
from earshot_api.authorization import caller
from earshot_api.paging import DEFAULT_LIMIT, Limit
from earshot_api.problems import answers
from earshot_api.schemas.models import Model, Models, Promotion, Publication, SharedChampion
from earshot_api.schemas.requests import PromotionRequest, PublicationRequest, Version
from earshot_api.scopes import needs
from earshot_api.wiring import services

LINKS_LAST = timedelta(minutes=15)

router = APIGatewayHttpRouter()


@router.get(
    "/models",
    operation_id="find_models",
    summary="Model versions, newest first",
    tags=["models"],
    security=needs("read"),
    responses=answers(Models, 404, 422, 503),
)
def find(
    limit: Limit = DEFAULT_LIMIT,
    cursor: Annotated[Version | None, Query(description="`next_cursor` of the page before")] = None,
) -> Json:
    found, next_cursor = services().retraining.models(limit, cursor)
    return {"models": found, "next_cursor": next_cursor}


@router.get(
    "/champion",
    operation_id="get_champion",
    summary="The model that serves, for devices that classify with it themselves",
    description=(
        "Addresses of its files are good for a quarter of an hour, without a token. Compare the "
        "manifest with `manifest_sha256`, each file with what the manifest says, and YAMNet's with "
        "`sha256`, before any of them is parsed. 404 while none was ever promoted: then the one "
        "that came with the software serves."
    ),
    tags=["models"],
    security=needs("predict"),
    responses=answers(SharedChampion, 404, 503),
)
def champion() -> Json:
    found = services().models.share_champion(LINKS_LAST)
    if found is None:
        raise NotFoundError("No version was ever promoted; the one that came with Earshot serves.")
    return found


@router.post(
    "/models",
    operation_id="publish_model",
    summary="Publish a version, such as that of a new release",
    description=(
        "Upload what is `missing`, each as a multipart form, `fields` first and the file as `file` "
        "last, and send the request again: in the end the version is `published`, under a name of "
        "its content. It serves nothing until it is promoted, which needs `force`: no gate has "
        "compared it. To publish it again changes nothing."
    ),
    tags=["models"],
    security=needs("admin"),
    responses=answers(Publication, 400, 409, 413, 415, 422, 503),
)
def publish(wanted: PublicationRequest) -> Json:
    found = services().publisher.publish(wanted.manifest.model_dump(), wanted.yamnet_sha256)
    return {
        "version": found.version,
        "published": not found.missing,
        "missing": [{"name": name, **form} for name, form in found.missing],
    }


@router.get(
    "/models/<version>",
    operation_id="get_model",
    summary="A model version",
    description="Its metrics, the gate's decision, its manifest, and when it was champion.",
    tags=["models"],
    security=needs("read"),
    responses=answers(Model, 404, 422, 503),
)
def get(version: Annotated[Version, Path(description="Such as v2")]) -> Json:
    return services().retraining.model(version)


@router.post(
    "/models/<version>/promote",
    operation_id="promote_model",
    summary="Make a version the champion",
    description=(
        "For a rollback, promote the version that served before. A version that has neither passed "
        "the gate nor served needs `force`, which is recorded. New results name the version "
        "within a minute. With an `Idempotency-Key` the same request sent again changes nothing, "
        "even if somebody has rolled back in between."
    ),
    tags=["models"],
    security=needs("admin"),
    responses=answers(Promotion, 400, 404, 409, 413, 415, 422, 503),
)
def promote(
    version: Annotated[Version, Path(description="Such as v2")], wanted: PromotionRequest
) -> Json:
    promotion = services().retraining.promote(
        version,
        by=caller(router).subject,
        reason=wanted.reason,
        force=wanted.force,
        key=router.current_event.headers.get("idempotency-key"),
    )
    return promotion.to_json()
