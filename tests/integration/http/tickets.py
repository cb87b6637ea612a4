"""Uploads by way of `POST /uploads`."""

from __future__ import annotations

from typing import Any

import urllib3

from tests.stack import PATIENCE_S, LocalStack, wait_for


def post_form(url: str, form: dict[str, Any]) -> urllib3.BaseHTTPResponse:
    """Post a form to S3."""
    return urllib3.request("POST", url, fields=form, timeout=PATIENCE_S)


def upload(stack: LocalStack, content: bytes, **wishes: str) -> dict[str, Any]:
    """Upload through a ticket; returns the ticket."""
    status, ticket = stack.call("POST", "/uploads", wishes)
    assert status == 201, ticket
    form = {**ticket["fields"], "file": ("clip.wav", content, "audio/wav")}
    answer = post_form(ticket["url"], form)
    assert answer.status in {200, 201, 204}, answer.data
    return ticket


def result(stack: LocalStack, ticket: dict[str, Any]) -> dict[str, Any]:
    """What appears where the ticket says."""

    def found() -> dict[str, Any] | None:
        status, content = stack.call("GET", ticket["result"])
        assert status in {200, 404}, content
        return content if status == 200 else None

    return wait_for(found, 280)
