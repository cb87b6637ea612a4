"""The API's handler: health, errors, and what it imports."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from earshot.errors import UnavailableError
from tests.unit.api.calls import call, content, problem
from tests.unit.api.fake_services import CLIP_ID

REPOSITORY = Path(__file__).parents[3]


def test_health_asks_nobody(services):
    services.error = UnavailableError("everything")
    assert content(call("GET", "/health")) == {"status": "ok"}


class TestProblems:
    def test_an_unknown_route(self, services):
        assert "/openapi.json" in problem(call("GET", "/nothing"), 404)["detail"]

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("PUT", "/results", "GET, DELETE"),
            ("GET", "/predict", "POST"),
            ("GET", f"/results/{CLIP_ID}/feedback", "POST, DELETE"),
        ],
    )
    def test_an_unknown_method(self, services, method, path, allowed):
        answer = call(method, path, route_key="$default")
        problem(answer, 405)
        assert answer["headers"]["Allow"] == allowed

    def test_a_body_too_large(self, services):
        answer = call("POST", "/uploads", "x" * 20_001)
        assert "POST /uploads" in problem(answer, 413)["detail"]

    def test_another_media_type(self, services):
        answer = call("POST", "/uploads", "a=b", headers={"content-type": "text/plain"})
        problem(answer, 415)

    def test_broken_json(self, services):
        problem(call("POST", "/uploads", "{"), 400)

    def test_no_body(self, services):
        assert call("POST", "/uploads")["statusCode"] in {400, 422}

    def test_a_failing_store(self, services):
        services.error = UnavailableError("The results table is not available at the moment")
        answer = call("GET", "/results")
        problem(answer, 503)
        assert answer["headers"]["Retry-After"] == "5"

    def test_a_bug_gives_nothing_away(self, services):
        services.error = ZeroDivisionError("secret-table-name")
        answer = call("GET", "/results")
        problem(answer, 500)
        assert "secret" not in answer["body"]
        assert "Traceback" not in answer["body"]


def test_the_function_needs_nothing_heavy():
    """Its package holds no numpy, no audio and no model, so it may import none."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import earshot_api.app, earshot_alert.app\n"
            "import json, sys; print(json.dumps([*sys.modules]))",
        ],
        env={
            "PYTHONPATH": ":".join(
                str(REPOSITORY / folder)
                for folder in ("layers/earshot/python", "functions/api", "functions/alert")
            )
        },
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert packages & {"numpy", "soundfile", "soxr", "ai_edge_litert", "httpx", "click"} == set()
