"""Make the OpenAPI document of all routes, for `earshot_api.openapi` to serve and to route by.

Powertools takes longer for it than a cold start may, and to import the models that it makes it of.
"""

from __future__ import annotations

from http import HTTPStatus

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver
from aws_lambda_powertools.event_handler.openapi.models import HTTPBearer, Server

import earshot
from earshot.http.problem import CONTENT_TYPE
from earshot.labels import LABELS
from earshot_api.links import LINKS
from earshot_api.openapi import Document
from earshot_api.predict_operation import WAV, predict, response
from earshot_api.scopes import SCHEME

_DESCRIPTION = """
Detects gunshots, explosions and sirens in audio clips.

Every route but `/health` needs a token (`Authorization: Bearer …`) with the scope that the route
names; a local stack asks for none unless it is started with `TOKENS=on`. Errors are problem+json
(RFC 9457), save for those that API Gateway answers by itself before any of this code runs (401,
403, 429, and 413 over 10 MB): these hold a `message`. A query parameter that an operation does not
have is a 400.
""".strip()

# What POST /retrain takes beside JSON; see `earshot_api.retrain_form`.
_RETRAIN_FORM: Document = {
    "schema": {
        "type": "object",
        "required": ["files"],
        "properties": {
            "files": {
                "type": "array",
                "minItems": 1,
                "items": WAV,
                "description": (
                    "WAVs, each with a file name <label>_….wav, unless `label` is given; 4.5 MB "
                    "in all. Files that cannot be decoded are left out, and named in the "
                    "version's dataset.json."
                ),
            },
            "label": {"type": "string", "enum": list(LABELS), "description": "Of all files."},
            "reason": {"type": "string"},
        },
    },
    # A schema has no file names, but the part's header does.
    "encoding": {
        "files": {
            "headers": {
                "Content-Disposition": {
                    "schema": {
                        "type": "string",
                        "example": 'form-data; name="files"; filename="gunshot_001.wav"',
                    }
                }
            },
        }
    },
}

# The gateway's own answers, before any of this code runs.
_GATEWAY_ANSWERS = {"401": "Unauthorized", "403": "Forbidden", "429": "Too Many Requests"}
_GATEWAY_MESSAGE: Document = {
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
}


def document(http: APIGatewayHttpResolver) -> Document:
    """The document of these routes and `/predict`."""
    schema = http.get_openapi_schema(
        title="Earshot",
        version=earshot.__version__,
        description=_DESCRIPTION,
        servers=[Server(url=".")],  # next to this document, wherever that is served
        security_schemes={SCHEME: HTTPBearer(bearerFormat="JWT")},
    )
    whole: Document = schema.model_dump(mode="json", by_alias=True, exclude_none=True)
    whole["paths"]["/predict"] = predict()
    retrain = whole["paths"]["/retrain"]["post"]["requestBody"]["content"]
    retrain["multipart/form-data"] = _RETRAIN_FORM
    for operations in whole["paths"].values():
        for operation in operations.values():
            _drop_foreign_errors(operation)
            operation["responses"].get("302", {}).pop("content", None)  # a redirect has no body
            operation["responses"].setdefault("400", _problem(HTTPStatus.BAD_REQUEST))
            if operation.get("security"):
                _add_refusals(operation["responses"])
            if "requestBody" in operation:
                too_large = operation["responses"]["413"]["content"]
                too_large["application/json"] = {"schema": _GATEWAY_MESSAGE}
    for (path, method, status), links in LINKS.items():
        whole["paths"][path][method]["responses"][status]["links"] = links
    for unused in ("HTTPValidationError", "ValidationError", "ResponseValidationError"):
        whole["components"]["schemas"].pop(unused, None)
    return whole


def _add_refusals(responses: Document) -> None:
    """Add what the gateway answers by itself, and what the functions add to it."""
    for status, phrase in _GATEWAY_ANSWERS.items():
        responses[status] = response(phrase, "application/json", _GATEWAY_MESSAGE)
    for refusal in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        responses[str(int(refusal))]["content"] |= _problem(refusal)["content"]


def _problem(status: HTTPStatus) -> Document:
    return response(status.phrase, CONTENT_TYPE, {"$ref": "#/components/schemas/Problem"})


def _drop_foreign_errors(operation: Document) -> None:
    """Powertools documents its own error everywhere; here errors are problems."""
    invalid = operation["responses"].get("422", {})
    if CONTENT_TYPE not in invalid.get("content", {CONTENT_TYPE: None}):
        del operation["responses"]["422"]
