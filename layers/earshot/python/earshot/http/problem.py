"""The one place that maps errors to HTTP: problem+json (RFC 9457)."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from earshot.errors import (
    BadRequestError,
    ConflictError,
    MethodNotAllowedError,
    NotFoundError,
    PayloadTooLargeError,
    PromotionRefusedError,
    RejectedClipError,
    UnavailableError,
    UnsupportedMediaTypeError,
)

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER_S = 5

_STATUS = {
    BadRequestError: HTTPStatus.BAD_REQUEST,
    NotFoundError: HTTPStatus.NOT_FOUND,
    MethodNotAllowedError: HTTPStatus.METHOD_NOT_ALLOWED,
    ConflictError: HTTPStatus.CONFLICT,
    PromotionRefusedError: HTTPStatus.CONFLICT,
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
    """Problem that tells a client of `error`; what went wrong inside is told only to the log."""
    for kind, status in _STATUS.items():
        if isinstance(error, kind):
            members = {"code": error.code} if isinstance(error, RejectedClipError) else {}
            problem = make_problem(status, str(error), **members)
            if isinstance(error, MethodNotAllowedError):
                problem.headers["Allow"] = ", ".join(error.allowed)
            return problem
    return make_problem(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "Something failed on our side and has been logged. The request can be sent again.",
    )
