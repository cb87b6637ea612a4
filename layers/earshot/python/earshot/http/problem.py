"""Errors as HTTP answers: problem+json (RFC 9457)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aws_lambda_powertools.event_handler import Response

from earshot.errors import (
    BadRequestError,
    ConflictError,
    ForbiddenError,
    GoneError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    PromotionRefusedError,
    RejectedClipError,
    RetrainingRefusedError,
    RetrainingRunningError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedMediaTypeError,
)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_STATUS = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    GoneError: HTTPStatus.GONE,
    MethodNotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    ConflictError: HTTPStatus.CONFLICT,
    PromotionRefusedError: HTTPStatus.CONFLICT,
    RetrainingRefusedError: HTTPStatus.CONFLICT,
    PayloadTooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMediaTypeError: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    RejectedClipError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


@dataclass(frozen=True)
class Problem:
    """An error as it is sent.

    Attributes:
        status: HTTP status code.
        body: members of the problem+json document.
        headers: beside the content type.
    """

    status: int
    body: dict[str, Any]
    headers: dict[str, str] = field(default_factory=dict)


def make_problem(status: HTTPStatus, detail: str, **members: Any) -> Problem:
    """Problem of a status code, with `members` beside the standard ones."""
    headers = {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    body = {"type": "about:blank", "title": status.phrase, "status": int(status), "detail": detail}
    return Problem(int(status), {**body, **members}, headers)


def problem_of(error: Exception) -> Problem:
    """Problem of an error; the details of an internal error are for the log alone."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            members = {"code": error.code} if isinstance(error, RejectedClipError) else {}
            if isinstance(error, RetrainingRunningError):
                members["retraining"] = error.run
            problem = make_problem(status, str(error), **members)
            if isinstance(error, MethodNotAllowedError):
                problem.headers["Allow"] = ", ".join(error.allowed)
            return problem
    return make_problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "An internal error occurred and was logged. The request can be sent again.",
    )


def problem_response(problem: Problem) -> Response[str]:
    """Powertools' response of a problem."""
    return Response(
        problem.status, CONTENT_TYPE, json.dumps(problem.body), headers=dict(problem.headers)
    )
