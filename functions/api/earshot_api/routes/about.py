"""The service itself: what it is, whether it lives, how it is."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.api_gateway import Router

import earshot
from earshot.results.serialization import Json
from earshot_api.problems import answers
from earshot_api.schemas import About, Health, Status
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = Router()


@router.get(
    "/",
    operation_id="about",
    summary="What this is",
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
    summary="Whether this lives",
    description="Needs no token and asks nothing that Earshot stands on.",
    tags=["service"],
    security=[],
    responses=answers(Health),
)
def health() -> Json:
    return {"status": "ok"}


@router.get(
    "/status",
    operation_id="status",
    summary="How everything is",
    description=(
        "The model that serves with its metrics on held-out clips, the depths of the queues, the "
        "last result, and for how long the answering process has been up."
    ),
    tags=["service"],
    security=needs("read"),
    responses=answers(Status, 503),
)
def status() -> Json:
    return services().status.report()
