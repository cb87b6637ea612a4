"""The OpenAPI document, and the page that shows it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response

from earshot_api import openapi
from earshot_api.problems import answers
from earshot_api.scopes import needs


def add_document_routes(http: APIGatewayHttpResolver) -> None:
    """Add the routes of the document of all routes, these two among them."""

    @http.get(
        "/openapi.json",
        operation_id="openapi",
        summary="This document",
        tags=["service"],
        security=needs("read"),
        responses=answers(dict[str, Any]),
    )
    def openapi_json() -> dict[str, Any]:
        return openapi.document()

    @http.get(
        "/docs",
        operation_id="docs",
        summary="This document as a page (Swagger UI), complete in itself",
        tags=["service"],
        security=needs("read"),
        responses=answers(str)
        | {200: {"description": "OK", "content": {"text/html": {"schema": {"type": "string"}}}}},
        compress=True,
    )
    def docs() -> Response[str]:
        page = openapi.page(openapi.document())
        return Response(HTTPStatus.OK, "text/html; charset=utf-8", page)
