"""Labeled clips on disk."""

from __future__ import annotations

import csv
import sys
from dataclasses import dataclass
from pathlib import Path

from earshot.audio.clip import Clip
from earshot.errors import RejectedClipError
from earshot.labels import LABELS, Label, label_of

MANIFEST_NAME = "manifest.csv"
# Audio that people keep beside WAVs; only WAVs are read as labeled clips.
_OTHER_AUDIO = frozenset({".aif", ".aiff", ".flac", ".m4a", ".mp3", ".ogg", ".opus"})
# Of many people, each with a microphone of their own.
MANY_RECORDISTS = "karolpiczak/ESC-50"


@dataclass(frozen=True)
class LabeledClip:
    """A clip and what it holds.

    Attributes:
        path: of the file.
        label: what it holds.
        group: clips of one group are alike, and never on both sides of a split.
        kind: of everyday sound, such as music; empty where it is not known.
    """

    path: Path
    label: Label
    group: str
    kind: str = ""


def labeled_clips(folder: Path) -> list[LabeledClip]:
    """All WAVs under `folder` that state a label, in order of their names.

    A table beside the folder, ``<folder>_groups.csv`` with the columns ``file`` and
    ``recording``, or one inside, ``manifest.csv`` with ``recording`` too, says which clips come
    from one recording. Without either, each clip is taken for a recording of its own.

    Raises:
        FileNotFoundError: there are none.
    """
    recordings = _recordings(folder)
    clips = [
        LabeledClip(path, label, recordings.get(name, name))
        for path in sorted(folder.rglob("*"))
        if path.suffix.lower() == ".wav" and (label := label_of(path)) is not None
        for name in [str(path.relative_to(folder))]
    ]
    if not clips:
        raise FileNotFoundError(
            f"No labeled WAV under {folder}: name them <label>_*.wav or put them into <label>/, "
            f"where <label> is one of {', '.join(LABELS)}"
        )
    return clips


def skipped_files(folder: Path) -> dict[Path, str]:
    """Audio files under `folder` that are no labeled clips, and why, by name."""
    reasons = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _OTHER_AUDIO:
            reasons[path] = "not a WAV"
        elif path.suffix.lower() == ".wav" and label_of(path) is None:
            reasons[path] = (
                f"neither its name nor its folder states {_LABELS_LISTED}, "
                "and other labels take more than clips (docs/labels.md)"
            )
    return reasons


_LABELS_LISTED = f"{', '.join(LABELS[:-1])} or {LABELS[-1]}"


def decodable_clips(folder: Path) -> list[LabeledClip]:
    """`labeled_clips` without those that cannot be classified.

    Each file that is left out is named on stderr.

    Raises:
        FileNotFoundError: none is left.
    """
    for path, reason in skipped_files(folder).items():
        print(f"Left out: {path}: {reason}", file=sys.stderr)
    clips = []
    for clip in labeled_clips(folder):
        try:
            with clip.path.open("rb") as file, Clip(file):
                clips.append(clip)
        except RejectedClipError as error:
            print(f"Left out: {clip.path}: {error.detail}", file=sys.stderr)
    if not clips:
        raise FileNotFoundError(f"No labeled WAV under {folder} can be decoded.")
    return clips


def broadened_clips(folder: Path) -> list[LabeledClip]:
    """Clips that `training.data.open_audio` fetched; each package is one group.

    Raises:
        FileNotFoundError: nothing was fetched to `folder`.
    """
    with (folder / MANIFEST_NAME).open(newline="") as file:
        return [
            LabeledClip(folder / row["file"], Label(row["label"]), row["package"])
            for row in csv.DictReader(file)
        ]


def everyday_clips(folder: Path) -> tuple[list[LabeledClip], list[LabeledClip]]:
    """Everyday sound, and a few threats, that `training.data.open_audio` fetched to a folder.

    Returns:
        Sounds of packages, where all casual sound of a package is one group, and a threat is in
        that of its recording; and recordings of many people, each in a group of its own.

    Raises:
        FileNotFoundError: nothing was fetched to `folder`.
    """
    packages: list[LabeledClip] = []
    recordings: list[LabeledClip] = []
    with (folder / MANIFEST_NAME).open(newline="") as file:
        for row in csv.DictReader(file):
            label = Label(row["label"])
            alone = row["package"] == MANY_RECORDISTS or label is not Label.CASUAL
            group = row["recording"] if alone else row["package"]
            clip = LabeledClip(folder / row["file"], label, group, row["kind"])
            (recordings if row["package"] == MANY_RECORDISTS else packages).append(clip)
    return packages, recordings


def _recordings(folder: Path) -> dict[str, str]:
    for table in (folder.with_name(f"{folder.name}_groups.csv"), folder / MANIFEST_NAME):
        if table.is_file():
            with table.open(newline="") as file:
                return {row["file"]: row["recording"] for row in csv.DictReader(file)}
    return {}
