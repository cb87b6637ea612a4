"""Answers about what was erased."""

from __future__ import annotations

from typing_extensions import TypedDict


class Remainder(TypedDict):
    """What is left, and when it is gone; null where somebody has to delete it."""

    what: str
    until: str | None


class Erasure(TypedDict):
    """Clips that were erased, keys of objects that were deleted, and what is left."""

    clip_ids: list[str]
    objects: list[str]
    remains: list[Remainder]
    more: bool
