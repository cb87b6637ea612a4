"""Hours of sound without threats: a folder of recordings, each of one kind of sound.

docs/evaluation.md describes the format.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import soundfile
import soxr

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.labels import LABELS, Label

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus"})
TABLE_NAME = "manifest.csv"
APART = "apart"
# Sounds that some would call a threat: reported, but not counted as false alarms.
APART_KINDS = frozenset({"fireworks", "firework", "clockalarm", "carhorn"})


class Cut(NamedTuple):
    """Where a clip lies in a recording that was joined from clips."""

    recording: str
    start_s: float
    duration_s: float


@dataclass(frozen=True)
class AmbientRecording:
    """A file of one kind of sound.

    Attributes:
        path: of the file.
        kind: of sound, such as ``music`` or ``kitchen/cutlery``; the first part is its group.
        label: casual, the threat that it holds, or None for a kind that is reported apart.
        cuts: clips that it was joined from, if a table lists them.
    """

    path: Path
    kind: str
    label: Label | None
    cuts: tuple[Cut, ...] = ()

    @property
    def group(self) -> str:
        """First part of the kind."""
        return self.kind.partition("/")[0]

    @property
    def duration_s(self) -> float:
        """Of the recording."""
        return float(soundfile.info(self.path).duration)

    def read(self, start_s: float = 0.0, duration_s: float | None = None) -> Floats:
        """``(samples,)`` of the recording or a stretch of it, mono 16 kHz, at its own level."""
        rate = soundfile.info(self.path).samplerate
        n_frames = -1 if duration_s is None else round(duration_s * rate)
        samples, _ = soundfile.read(
            self.path, n_frames, round(start_s * rate), dtype="float32", always_2d=True
        )
        mono: Floats = samples.mean(axis=1) if samples.shape[1] > 1 else samples[:, 0]
        if rate == SAMPLE_RATE:
            return mono
        resampled: Floats = soxr.resample(mono, rate, SAMPLE_RATE)
        return resampled


def ambient_recordings(folder: Path) -> list[AmbientRecording]:
    """All recordings under a folder, by name, with what a table lists about them.

    The table is ``<folder>.csv`` beside the folder, or ``manifest.csv`` inside; its file names are
    relative to the folder in which it lies.

    Raises:
        FileNotFoundError: the folder holds no audio file.
        ValueError: the table lacks a column, or its label is none.
    """
    rows = _table(folder)
    recordings = []
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        of_file = rows.get(path.resolve(), [])
        kind = of_file[0]["kind"] if of_file else _kind_of(path.relative_to(folder))
        stated = of_file[0].get("label") if of_file else None
        cuts = [
            Cut(row["recording"], float(row["start_s"]), float(row["duration_s"]))
            for row in of_file
            if row.get("start_s")
        ]
        label = _stated_label(stated) if stated else _label_of(kind)
        recordings.append(AmbientRecording(path, kind, label, tuple(cuts)))
    if not recordings:
        raise FileNotFoundError(f"No {', '.join(sorted(SUFFIXES))} under {folder}")
    return recordings


def pieces(waveform: Floats, seconds: float, least_s: float) -> Iterator[tuple[float, Floats]]:
    """Consecutive pieces and where each begins, in seconds; a last one under `least_s` is left."""
    step = round(seconds * SAMPLE_RATE)
    for start in range(0, len(waveform), step):
        piece = waveform[start : start + step]
        if len(piece) >= least_s * SAMPLE_RATE:
            yield start / SAMPLE_RATE, piece


def _table(folder: Path) -> dict[Path, list[dict[str, str]]]:
    for table in (folder.with_name(f"{folder.name}.csv"), folder / TABLE_NAME):
        if not table.is_file():
            continue
        rows: dict[Path, list[dict[str, str]]] = {}
        with table.open(newline="") as file:
            reader = csv.DictReader(file)
            if missing := {"file", "kind"} - set(reader.fieldnames or ()):
                raise ValueError(f"{table} lacks the column {', '.join(sorted(missing))}")
            for row in reader:
                rows.setdefault((table.parent / row["file"]).resolve(), []).append(row)
        return rows
    return {}


def _kind_of(path: Path) -> str:
    """Kind that a path in an ambient folder states: its folder, or else the file's name."""
    return path.parent.as_posix() if path.parent.name else path.stem.replace("__", "/")


def _label_of(kind: str) -> Label | None:
    """Label of a kind by the last part of its name; all that is no threat is casual."""
    name = kind.rpartition("/")[2].lower()
    name = "".join(letter for letter in name if letter.isalnum())
    if name in APART_KINDS:
        return None
    return Label(name) if name in LABELS else Label.CASUAL


def _stated_label(label: str) -> Label | None:
    return None if label == APART else Label(label)
