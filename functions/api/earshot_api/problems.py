"""Errors as the API documents them, and problems of invalid requests."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError

from earshot.http.problem import CONTENT_TYPE, Problem, make_problem, problem_of
from earshot_api.schemas.service import Problem as ProblemSchema

_INVALID_JSON = "json_invalid"
_PYDANTIC_PREFIX = "Value error, "  # before the messages of our own validators


def answers(model: Any, *problems: int, status: int = HTTPStatus.OK) -> dict[int, Any]:
    """What an operation answers with, for the OpenAPI document.

    Args:
        model: of the good answer.
        problems: statuses of errors that may be; 500 always may.
        status: of the good answer.
    """
    good = {
        "description": HTTPStatus(status).phrase,
        "content": {"application/json": {"model": model}},
    }
    bad = {
        problem: {
            "description": HTTPStatus(problem).phrase,
            "content": {CONTENT_TYPE: {"model": ProblemSchema}},
        }
        for problem in (*problems, HTTPStatus.INTERNAL_SERVER_ERROR)
    }
    return {int(status): good} | bad


def problem_of_request(error: Exception) -> Problem:
    """Problem of an error, also of those that Powertools raises."""
    if isinstance(error, RequestValidationError):
        found = error.errors()
        if any(one["type"] == _INVALID_JSON for one in found):
            return make_problem(HTTPStatus.BAD_REQUEST, "The body is not valid JSON.")
        errors = [
            {"where": _where(one["loc"]), "what": _what(one["loc"], one["msg"])} for one in found
        ]
        detail = "; ".join(f"{one['where']}: {one['what']}" for one in errors)
        return make_problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors=errors)
    return problem_of(error)


def _what(location: tuple[Any, ...], message: str) -> str:
    # What a cursor looks like is no business of who sends it back.
    if location[-1] == "cursor":
        return "Send `next_cursor` of the page before, or none for the first page."
    return message.removeprefix(_PYDANTIC_PREFIX)


def _where(location: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in location)
