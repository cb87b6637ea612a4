"""The service itself: its main routes, the liveness check and the status report."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

import earshot
from earshot.results.serialization import Json
from earshot_api.problems import answers
from earshot_api.schemas.service import About, Health, Status
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.get(
    "/",
    operation_id="about",
    summary="Name, version and main routes",
    tags=["service"],
    security=needs("read"),
    responses=answers(About),
)
def about() -> Json:
    return {
        "name": "Earshot",
        "version": earshot.__version__,
        "description": earshot.__doc__ or "",
        "links": {
            "health": "/health",
            "status": "/status",
            "documentation": "/docs",
            "openapi": "/openapi.json",
        },
    }


@router.get(
    "/health",
    operation_id="health",
    summary="Liveness check",
    description="Needs no token and calls no other service.",
    tags=["service"],
    security=[],
    responses=answers(Health),
)
def health() -> Json:
    return {"status": "ok"}


@router.get(
    "/status",
    operation_id="status",
    summary="Status report",
    description=(
        "The champion with its metrics on the held-out set, the version that classify serves "
        "(`serving`: what it has loaded; null if it does not answer), the depths of the queues, "
        "the last result, and the uptime of the answering process."
    ),
    tags=["service"],
    security=needs("read"),
    responses=answers(Status, 503),
)
def status() -> Json:
    return services().status.report()
