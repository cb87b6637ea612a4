"""Translate botocore's errors into the domain's."""

from __future__ import annotations

from collections.abc import Iterator
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
