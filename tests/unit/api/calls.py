"""Requests as the gateway sends them to the API's handler, and what comes back."""

from __future__ import annotations

import base64
import json
import re
from types import SimpleNamespace
from typing import Any

import jsonschema

from earshot_api import app, openapi

CONTEXT: Any = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:api",
    aws_request_id="request-1",
)
SCOPES = "earshot/predict earshot/read earshot/train earshot/admin"


def authorizer(scope: str = SCOPES, groups: str | None = "[admin]", **claims: str) -> Any:
    """What the gateway found in a person's token; an administrator's, unless `groups` differ.

    Args:
        scope: that the token was issued for.
        groups: as an HTTP API hands a claim on that is a list; None for a token without the claim.
        claims: further ones, or others.
    """
    found = {"sub": "ann", "client_id": "people", "scope": scope, **claims}
    if groups is not None:
        found["cognito:groups"] = groups
    return {"jwt": {"claims": found, "scopes": None}}


def machine(scope: str = SCOPES) -> Any:
    """What the gateway found in a token of a client of its own."""
    return authorizer(scope, None, sub="service", client_id="service")


AUTHORIZER = authorizer()


def call(
    method: str, path: str, body: Any = None, authorizer: Any = AUTHORIZER, **changes: Any
) -> Any:
    """Send a request as the gateway does."""
    route, _, query = path.partition("?")
    event = {
        "version": "2.0",
        "routeKey": changes.pop("route_key", f"{method} {route}"),
        "rawPath": route,
        "rawQueryString": query,
        "headers": {"content-type": "application/json"} | changes.pop("headers", {}),
        "queryStringParameters": dict(p.split("=") for p in query.split("&")) if query else None,
        "requestContext": {
            "http": {"method": method, "path": route},
            "stage": "$default",
            "requestId": "r1",
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "isBase64Encoded": changes.pop("base64_encoded", False),
    }
    answer = app.lambda_handler(event, CONTEXT)
    if answer["statusCode"] < 300 and "json" in answer["headers"]["Content-Type"]:
        check_documented(method, route, answer)
    return answer


def problem(answer: Any, status: int) -> Any:
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document = json.loads(answer["body"])
    assert document.keys() >= {"type", "title", "status", "detail"}
    assert document["status"] == status
    return document


def content(answer: Any, status: int = 200) -> Any:
    assert answer["statusCode"] == status, answer["body"]
    return json.loads(answer["body"])


def check_documented(method: str, path: str, answer: Any) -> None:
    """Hold a good answer against the OpenAPI document."""
    document = openapi.document()
    paths = document["paths"]
    for template, operations in ({path: paths[path]} if path in paths else paths).items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
            content = operations[method.lower()]["responses"][str(answer["statusCode"])]["content"]
            schema = content["application/json"]["schema"]
            body = json.loads(answer["body"])
            jsonschema.validate(body, {**schema, "components": document["components"]})


def post_files(
    *files: tuple[str, bytes],
    authorizer: Any = AUTHORIZER,
    key: str | None = None,
    **fields: str,
) -> Any:
    """`POST /retrain` as curl -F sends it."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: audio/wav\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    body = base64.b64encode(b"".join([*parts, b"--x--\r\n"])).decode()
    headers = {"content-type": "multipart/form-data; boundary=x"}
    if key:
        headers["idempotency-key"] = key
    return call("POST", "/retrain", body, authorizer, headers=headers, base64_encoded=True)
