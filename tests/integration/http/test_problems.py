"""Errors are problem+json (RFC 9457)."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3

from tests.stack import LocalStack


def problem(answer: urllib3.BaseHTTPResponse, status: int) -> dict[str, Any]:
    assert answer.status == status, answer.data
    assert answer.headers["Content-Type"] == "application/problem+json"
    content: dict[str, Any] = answer.json()
    assert content["status"] == status
    return content


def test_unknown_route(local_stack: LocalStack) -> None:
    problem(local_stack.request("GET", "/nothing-here"), 404)


@pytest.mark.parametrize(
    ("method", "route", "allowed"),
    [("GET", "/predict", "POST"), ("DELETE", "/status", "GET"), ("POST", "/health", "GET")],
)
def test_unknown_method(local_stack: LocalStack, method: str, route: str, allowed: str) -> None:
    answer = local_stack.request(method, route)
    problem(answer, 405)
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(("route", "size"), [("/predict", 4_500_001), ("/uploads", 30_000)])
def test_the_problem_of_a_body_too_large_names_uploads(
    local_stack: LocalStack, route: str, size: int
) -> None:
    answer = local_stack.request("POST", route, b"x" * size, {"Content-Type": "audio/wav"})
    assert "POST /uploads" in problem(answer, 413)["detail"]


@pytest.mark.parametrize("route", ["/predict", "/uploads"])
def test_another_media_type(local_stack: LocalStack, route: str) -> None:
    answer = local_stack.request("POST", route, b"<a/>", {"Content-Type": "text/xml"})
    problem(answer, 415)


def test_what_is_wrong_is_named(local_stack: LocalStack) -> None:
    answer = local_stack.request("GET", "/results?limit=0&from=yesterday")
    wrong = {one["where"] for one in problem(answer, 422)["errors"]}
    assert wrong == {"query.limit", "query.from"}


def test_broken_json(local_stack: LocalStack) -> None:
    headers = {"Content-Type": "application/json"}
    problem(local_stack.request("POST", "/uploads", b'{"source":', headers), 400)
