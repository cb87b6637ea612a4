"""The OpenAPI document, of all routes, and the page that shows it."""

from __future__ import annotations

import json
import re
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, cast

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi import swagger_ui
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server
from aws_lambda_powertools.event_handler.openapi.swagger_ui import generate_swagger_html

import earshot
from earshot.labels import LABELS
from earshot.problem import CONTENT_TYPE
from earshot_api.problems import answers
from earshot_api.scopes import SCHEME, needs

Document = dict[str, Any]

router = Router()

_ASSETS = Path(swagger_ui.__file__).parent  # Powertools brings Swagger UI along

_DESCRIPTION = """
Hears gunshots, explosions and sirens in recordings.

Every route but `/health` needs a token (`Authorization: Bearer …`) with the scope that the route
names. Errors are problem+json (RFC 9457), save for those that API Gateway answers by itself before
any of this code runs (401, 403, 429): these hold a `message`.
""".strip()

_PREDICT: Document = {
    "summary": "Hear a clip of up to 4.5 MB",
    "description": (
        "The answer is the clip's result, which is also kept. With an `Idempotency-Key` the "
        "same clip can be sent again and has one result. Larger clips: POST /uploads."
    ),
    "operationId": "predict",
    "tags": ["clips"],
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "schema": {"type": "string"},
        },
        {
            "name": "source",
            "in": "query",
            "description": "Camera or site; a field of a form goes before it.",
            "schema": {"type": "string", "maxLength": 128},
        },
        {
            "name": "recorded_at",
            "in": "query",
            "description": "When it was recorded; a field of a form goes before it.",
            "schema": {"type": "string", "format": "date-time"},
        },
    ],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "wav"},
                        "source": {"type": "string", "maxLength": 128},
                        "recorded_at": {"type": "string", "format": "date-time"},
                    },
                }
            },
            "audio/wav": {"schema": {"type": "string", "format": "wav"}},
        },
    },
}

# What POST /retrain takes beside JSON; see `earshot_api.retrain_form`.
_RETRAIN_FORM: Document = {
    "schema": {
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "format": "wav"},
                "description": "WAVs named <label>_…, unless `label` is given; 4.5 MB in all.",
            },
            "label": {"type": "string", "enum": list(LABELS)},
            "reason": {"type": "string"},
        },
    }
}

# The gateway's own answers, before any of this code runs.
_GATEWAY_ANSWERS = {401: "Unauthorized", 403: "Forbidden", 429: "Too Many Requests"}
_GATEWAY_MESSAGE: Document = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
}


@cache
def document(http: APIGatewayHttpResolver) -> Document:
    """The document of these routes and `/predict`."""
    schema = http.get_openapi_schema(
        title="Earshot",
        version=earshot.__version__,
        description=_DESCRIPTION,
        servers=[Server(url="/")],
        security_schemes={SCHEME: HTTPBearer(bearerFormat="JWT")},
    )
    whole: Document = schema.model_dump(mode="json", by_alias=True, exclude_none=True)
    whole["paths"]["/predict"] = _predict()
    retrain = whole["paths"]["/retrain"]["post"]["requestBody"]["content"]
    retrain["multipart/form-data"] = _RETRAIN_FORM
    for operations in whole["paths"].values():
        for operation in operations.values():
            _drop_foreign_errors(operation)
            if operation.get("security"):
                operation["responses"] |= {
                    str(status): _response(phrase, "application/json", _GATEWAY_MESSAGE)
                    for status, phrase in _GATEWAY_ANSWERS.items()
                }
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        whole["components"]["schemas"].pop(unused, None)
    return whole


def _drop_foreign_errors(operation: Document) -> None:
    """Powertools documents its own error everywhere; here errors are problems."""
    invalid = operation["responses"].get("422", {})
    if CONTENT_TYPE not in invalid.get("content", {CONTENT_TYPE: None}):
        del operation["responses"]["422"]


def methods_of(http: APIGatewayHttpResolver, path: str) -> list[str]:
    """Methods that are possible at a path."""
    for template, operations in document(http)["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
            return [method.upper() for method in operations]
    return []


def page(http: APIGatewayHttpResolver) -> str:
    """The document as a page with everything inside that it needs."""
    script = (_ASSETS / "swagger-ui-bundle.min.js").read_text()
    style = (_ASSETS / "swagger-ui.min.css").read_text()
    text = json.dumps(document(http)).replace("</", "<\\/")  # does not end the script around it
    return generate_swagger_html(text, script, style, "", None)


def _predict() -> Document:
    """`POST /predict`, which is classify's."""
    statuses = (400, 413, 415, 422, 500, 503)
    problem = {"$ref": "#/components/schemas/Problem"}
    responses = {
        "200": _response("The result", "application/json", {"$ref": "#/components/schemas/Result"})
    } | {
        str(status): _response(HTTPStatus(status).phrase, CONTENT_TYPE, problem)
        for status in statuses
    }
    operation = {**_PREDICT, "security": needs("predict"), "responses": responses}
    return {"post": operation}


def _response(description: str, content_type: str, schema: Document) -> Document:
    return {"description": description, "content": {content_type: {"schema": schema}}}


@router.get(
    "/openapi.json",
    summary="This document",
    tags=["service"],
    security=needs("read"),
    responses=answers(dict[str, Any]),
)
def openapi_json() -> dict[str, Any]:
    return document(_resolver())


@router.get(
    "/docs",
    summary="This document as a page (Swagger UI), complete in itself",
    tags=["service"],
    security=needs("read"),
    responses=answers(str)
    | {200: {"description": "OK", "content": {"text/html": {"schema": {"type": "string"}}}}},
    compress=True,
)
def docs() -> Response[str]:
    return Response(HTTPStatus.OK, "text/html; charset=utf-8", page(_resolver()))


def _resolver() -> APIGatewayHttpResolver:
    return cast(APIGatewayHttpResolver, router.api_resolver)
