"""The OpenAPI document of all routes, by which requests are routed, and the page that shows it.

It is made beforehand (`make openapi`): a cold start would take longer to make it than for all else.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

Document = dict[str, Any]

FILE = Path(__file__).with_name("openapi.json")


@cache
def document() -> Document:
    """The document of all routes and of `/predict`."""
    whole: Document = json.loads(FILE.read_bytes())
    return whole


def methods_of(path: str) -> list[str]:
    """Methods that are possible at a path."""
    return [method.upper() for method in _operations_at(path)]


def operation_of(path: str, method: str) -> Document | None:
    """The operation that a request asks for; None if there is none."""
    return _operations_at(path).get(method.lower())


def _operations_at(path: str) -> dict[str, Document]:
    paths = document()["paths"]
    if path in paths:  # goes before a path with a parameter, as at the gateway
        return dict(paths[path])
    for template, operations in paths.items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), path):
            return dict(operations)
    return {}


def page(document: Document) -> str:
    """A document as a page with everything inside that it needs."""
    # Powertools brings Swagger UI along, and takes long to import it.
    from aws_lambda_powertools.event_handler.openapi import swagger_ui

    assets = Path(swagger_ui.__file__).parent
    script = (assets / "swagger-ui-bundle.min.js").read_text()
    style = (assets / "swagger-ui.min.css").read_text()
    text = json.dumps(document).replace("</", "<\\/")  # does not end the script around it
    return swagger_ui.generate_swagger_html(text, script, style, "", None)
