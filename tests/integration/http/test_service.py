"""What the HTTP API says about itself."""

from __future__ import annotations

import json

from local.settings import REPOSITORY
from tests.integration.http.tickets import result, upload
from tests.stack import LocalStack

DOCUMENT = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())


def test_about_and_status(local_stack: LocalStack, siren_wav: bytes) -> None:
    status, about = local_stack.call("GET", "/")
    assert (status, about["name"]) == (200, "Earshot")
    found = result(local_stack, upload(local_stack, siren_wav))
    status, report = local_stack.call("GET", "/status")
    assert status == 200
    assert report["model"]["version"] == "v1"
    assert report["queues"].keys() == {"uploads", "uploads_dead_letter"}
    assert report["last_result"]["timestamp"] >= found["timestamp"]
    assert report["uptime_s"] > 0


def test_the_document_is_served_as_it_is_committed(local_stack: LocalStack) -> None:
    assert local_stack.call("GET", "/openapi.json") == (200, DOCUMENT)


def test_the_page_needs_nothing_from_elsewhere(local_stack: LocalStack) -> None:
    page = local_stack.request("GET", "/docs").data.decode()
    assert "SwaggerUIBundle" in page
    assert '"/results/{clip_id}/feedback"' in page
    assert "<script src" not in page
    assert "<link" not in page
