"""An API that lives in memory, for the tests of its client and of the command line."""

from __future__ import annotations

import json
from typing import Any

import httpx

from earshot_client.api_client import EarshotClient
from tests.unit.sample_results import classified_json

API = "https://api.example/v1"


class Api:
    """Answers as the API and S3 do."""

    def __init__(self) -> None:
        self.requests: list[httpx.Request] = []
        self.refusals: list[httpx.Response] = []
        self.results: list[dict[str, Any]] = []
        self.uploaded: list[bytes] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:  # noqa: PLR0911
        request.read()
        self.requests.append(request)
        if self.refusals:
            return self.refusals.pop(0)
        path = request.url.path.removeprefix("/v1")
        if path == "/training-clips":
            said = json.loads(request.content)
            ticket: dict[str, Any] = {
                "prefix": f"training/{said['batch']}/",
                "url": "https://s3.example/",
            }
            return httpx.Response(201, json=ticket | {"fields": {"key": said["label"]}})
        if path == "/uploads":
            n = len(self.uploaded)
            ticket = {"clip_id": f"id{n}", "url": "https://s3.example/", "fields": {"key": f"k{n}"}}
            return httpx.Response(201, json=ticket | {"expires_at": "2099-01-01T00:00:00.000Z"})
        if request.url.host == "s3.example":
            self.uploaded.append(request.content)
            return httpx.Response(204)
        if path in {"/results", "/alerts"}:
            first = int(request.url.params.get("cursor", 0))
            end = first + min(int(request.url.params["limit"]), 2)
            cursor = str(end) if end < len(self.results) else None
            page = {path[1:]: self.results[first:end], "next_cursor": cursor}
            return httpx.Response(200, json=page)
        if path.startswith("/results/") and path.endswith("/feedback"):
            said = json.loads(request.content)
            answer = {"feedback": [{"verdict": "corrected"}], "training_key": f"t/{said['label']}"}
            return httpx.Response(200, json=answer)
        if path.startswith("/results/"):
            return httpx.Response(200, json=result(path.removeprefix("/results/")))
        if path == "/predict":
            return httpx.Response(200, json=result("posted"))
        return httpx.Response(404, json={"detail": f"There is nothing at {path}"})


def result(clip_id: str) -> dict[str, Any]:
    return classified_json(clip_id, confidence=0.91, location=None)


def client_of(api: Api) -> EarshotClient:
    """A client that asks an API in memory, and does not wait long for it."""
    http = httpx.Client(transport=httpx.MockTransport(api))
    return EarshotClient(API, lambda: "secret-token", http, waits_s=(0, 0))
