"""Errors of the domain. Everything else that is raised is transient or a bug."""

from __future__ import annotations


class EarshotError(Exception):
    """Base of the errors that Earshot raises on purpose."""


class RejectedClipError(EarshotError):
    """The clip itself is at fault and trying again cannot help.

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
    """A request that cannot be understood; the message says what is expected."""


class NotFoundError(EarshotError):
    """Nothing of that name; the message says what was looked for."""


class MethodNotAllowedError(EarshotError):
    """A route that does not know the request's method.

    Args:
        method: of the request.
        allowed: methods that the route knows.
    """

    def __init__(self, method: str, allowed: list[str]) -> None:
        super().__init__(f"{method} is not possible here; {', '.join(allowed)} is.")
        self.allowed = allowed


class ConflictError(EarshotError):
    """A request that does not go with the state of what it is about; the message says why."""


class PayloadTooLargeError(EarshotError):
    """A request body over the limit; the message says where larger clips go."""


class UnsupportedMediaTypeError(EarshotError):
    """A request body of a type that is not accepted; the message names those that are."""


class UnavailableError(EarshotError):
    """A service that we stand on did not answer as it should; trying again may help."""


class PromotionRefusedError(EarshotError):
    """A version may not become champion; the message says why and what an operator can do."""


class RetrainingRefusedError(EarshotError):
    """A retraining that could not be judged is not begun; the message says what is missing."""
