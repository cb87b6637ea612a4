"""Labelled clips on disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from earshot.labels import LABELS, Label


@dataclass(frozen=True)
class LabelledClip:
    """A clip and what it holds."""

    path: Path
    label: Label


def label_of(path: Path) -> Label | None:
    """Label that a path states: its folder's name, or its file name's prefix up to ``_``.

    ``gunshot/a.wav`` and ``gunshot_001.wav`` are gunshots. None if neither is a label.
    """
    for word in (path.parent.name, path.name.partition("_")[0]):
        if word.lower() in LABELS:
            return Label(word.lower())
    return None


def labelled_clips(folder: Path) -> list[LabelledClip]:
    """All WAVs under `folder` that state a label, in order of their names.

    Raises:
        FileNotFoundError: there are none.
    """
    clips = [
        LabelledClip(path, label)
        for path in _wav_files(folder.rglob("*"))
        if (label := label_of(path)) is not None
    ]
    if not clips:
        raise FileNotFoundError(
            f"No labelled WAV under {folder}: name them <label>_*.wav or put them into <label>/, "
            f"where <label> is one of {', '.join(LABELS)}"
        )
    return clips


def _wav_files(paths: Iterable[Path]) -> list[Path]:
    return sorted(path for path in paths if path.suffix.lower() == ".wav")
