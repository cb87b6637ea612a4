"""Answers about the service itself, and problems."""

from __future__ import annotations

from typing import Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict

from earshot_api.schemas.models import Champion, Serving
from earshot_api.schemas.results import Result


class About(TypedDict):
    """The service and its main routes."""

    name: str
    version: str
    description: str
    links: dict[str, str]


class Health(TypedDict):
    """The liveness check."""

    status: Literal["ok"]


class Status(TypedDict):
    """The status report."""

    status: Literal["ok"]
    time: str
    uptime_s: float
    model: Champion | None
    serving: Serving | None
    queues: dict[str, int]
    last_result: Result | None


class Problem(TypedDict):
    """An error, as RFC 9457 has it."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    type: str
    title: str
    status: int
    detail: str
