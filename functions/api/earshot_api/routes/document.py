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

    def served() -> openapi.Document:
        """The document for this request: without tokens where no authorizer asks for them."""
        whole = openapi.document(http)
        authorizer = http.current_event.request_context.authorizer
        return whole if authorizer else openapi.without_tokens(whole)

    @http.get(
        "/openapi.json",
        operation_id="openapi",
        summary="This document",
        tags=["service"],
        security=needs("read"),
        responses=answers(dict[str, Any]),
    )
    def openapi_json() -> dict[str, Any]:
        return served()

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
        return Response(HTTPStatus.OK, "text/html; charset=utf-8", openapi.page(served()))
