"""Answers about clients and their sources."""

from __future__ import annotations

from typing_extensions import TypedDict


class Client(TypedDict):
    """A client of the user pool, and the sources that it may send clips of."""

    client_id: str
    sources: list[str]
    bound_by: str
    bound_at: str


class Clients(TypedDict):
    """All clients that are bound to sources."""

    clients: list[Client]
