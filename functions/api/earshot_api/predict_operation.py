"""`POST /predict` in the OpenAPI document; the function classify answers it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from earshot.http.problem import CONTENT_TYPE
from earshot_api.scopes import needs

# No schema can distinguish audio from other bytes.
WAV = {"type": "string", "format": "binary", "contentMediaType": "audio/wav"}

_OPERATION: dict[str, Any] = {
    "summary": "Classify a clip of up to 4.5 MB",
    "description": (
        "The answer is the clip's result. Result and clip are kept. With an `Idempotency-Key` the "
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
            "description": "Camera or site. A field of a form takes precedence.",
            "schema": {"type": "string", "maxLength": 128},
        },
        {
            "name": "recorded_at",
            "in": "query",
            "description": "When it was recorded. A field of a form takes precedence.",
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
                        "file": WAV,
                        "source": {"type": "string", "maxLength": 128},
                        "recorded_at": {"type": "string", "format": "date-time"},
                    },
                },
                "encoding": {"file": {"contentType": "audio/wav"}},
            },
            "audio/wav": {"schema": WAV},
        },
    },
}


def predict() -> dict[str, Any]:
    """The operations of its path."""
    statuses = (400, 413, 415, 422, 500, 503)
    problem = {"$ref": "#/components/schemas/Problem"}
    responses = {
        "200": response("The result", "application/json", {"$ref": "#/components/schemas/Result"})
    } | {
        str(status): response(HTTPStatus(status).phrase, CONTENT_TYPE, problem)
        for status in statuses
    }
    return {"post": {**_OPERATION, "security": needs("predict"), "responses": responses}}


def response(description: str, content_type: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A response of an operation."""
    return {"description": description, "content": {content_type: {"schema": schema}}}
