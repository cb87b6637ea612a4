"""Translate botocore's errors into the domain's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError

from earshot.errors import UnavailableError


@contextmanager
def unavailable_on_failure(what: str) -> Iterator[None]:
    """Raise `UnavailableError` where an AWS call inside fails, naming `what` failed."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(f"{what} is not available at the moment") from error


@contextmanager
def logged_with_cause(log: Callable[[str], None]) -> Iterator[None]:
    """Log an error that leaves a function, with what caused it.

    Lambda logs the last error alone, which says that a service is not available, and not that a
    permission is missing.

    Args:
        log: logs a message and the error at hand, such as a logger's `exception`.
    """
    try:
        yield
    except Exception:
        log("failed")
        raise
