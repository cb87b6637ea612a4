"""The four classes, with the ids they keep for ever."""

from __future__ import annotations

from enum import StrEnum
from pathlib import PurePath


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

# Clips whose label a person has corrected; such a label overrules any other of the same clip.
CORRECTIONS_FOLDER = "corrections"


def label_of(path: PurePath) -> Label | None:
    """Label that a path states: its folder's name, or its file name's prefix up to ``_``.

    ``gunshot/a.wav`` and ``gunshot_001.wav`` are gunshots. A folder ``corrections`` counts for
    nothing: ``siren/corrections/a.wav`` is a siren. None if neither is a label.
    """
    folder = path.parent
    if folder.name == CORRECTIONS_FOLDER:
        folder = folder.parent
    for word in (folder.name, path.name.partition("_")[0]):
        if word.lower() in LABELS:
            return Label(word.lower())
    return None
