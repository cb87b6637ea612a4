"""The four classes, with the ids they keep for ever."""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """What a clip may hold; `casual` is everything that is no threat."""

    CASUAL = "casual"
    GUNSHOT = "gunshot"
    EXPLOSION = "explosion"
    SIREN = "siren"

    @property
    def class_id(self) -> int:
        """0 casual, 1 gunshot, 2 explosion, 3 siren, as in the SESA dataset."""
        return LABELS.index(self)


LABELS = tuple(Label)
