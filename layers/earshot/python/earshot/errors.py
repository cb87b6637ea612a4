"""Errors of the domain. Everything else that is raised is transient or a bug."""

from __future__ import annotations


class EarshotError(Exception):
    """Base of the errors that Earshot raises on purpose."""


class RejectedClipError(EarshotError):
    """The clip cannot be classified, and trying again cannot help.

    Args:
        code: stable machine-readable word, such as ``not_audio``.
        detail: what is wrong and what is accepted, for a person.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class ModelError(EarshotError):
    """A model version is missing, incomplete, altered, or does not fit this software."""


class BadRequestError(EarshotError):
    """An invalid request; the message names what is expected."""


class UnauthorizedError(EarshotError):
    """A request without a token where one is needed."""


class ForbiddenError(EarshotError):
    """The token does not allow the request; the message says what it lacks."""


class NotFoundError(EarshotError):
    """There is nothing of that name; the message names it."""


class GoneError(EarshotError):
    """What was there once and is no longer; the message says since when, or why."""


class MethodNotAllowedError(EarshotError):
    """The route does not have the request's method.

    Args:
        method: of the request.
        allowed: methods that the route has.
    """

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method} is not possible here; {', '.join(allowed)} is.")
        self.allowed = allowed


class ConflictError(EarshotError):
    """A request that conflicts with the present state; the message gives the reason."""


class RetrainingRunningError(ConflictError):
    """A retraining cannot start while another is under way.

    Args:
        run: that is under way.
    """

    def __init__(self, run: str) -> None:
        super().__init__(
            f"The retraining {run} is under way, and there is one at a time. "
            f"GET /retrain/{run} shows where it stands."
        )
        self.run = run


class PayloadTooLargeError(EarshotError):
    """A request body over the limit; the message names the route for larger clips."""


class UnsupportedMediaTypeError(EarshotError):
    """A request body of a type that is not accepted; the message names those that are."""


class UnavailableError(EarshotError):
    """An AWS service failed; trying again may help."""


class PromotionRefusedError(EarshotError):
    """A version may not become champion; the message gives the reason and what can be done."""


class RetrainingRefusedError(EarshotError):
    """A retraining without enough clips is not started; the message names what is missing."""


class FitFailedError(EarshotError):
    """A fit came to no usable model; the message says where it went wrong."""
