"""Tickets for uploads."""

from __future__ import annotations

from typing_extensions import TypedDict


class Ticket(TypedDict):
    """Where and how to upload: POST a form with these fields first and the clip as `file` last."""

    clip_id: str
    result: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: str


class TrainingTicket(TypedDict):
    """As `Ticket`, for a labeled clip; a retraining with `prefix` trains on the batch."""

    key: str
    prefix: str
    url: str
    fields: dict[str, str]
    max_bytes: int
    expires_at: str
