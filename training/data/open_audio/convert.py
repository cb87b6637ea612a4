"""Labeled sounds as 16 kHz mono files: decoded, cut, joined, written."""

from __future__ import annotations

import hashlib
import io
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import RejectedClipError
from training.data.open_audio.sources import AUDIO_SUFFIX, Package, Sources

MIN_DURATION_S = 0.1
SILENCE_RMS = 10 ** (-60 / 20)
GAP_S = 0.15  # silence between joined sounds
WAV_MAX_S = 30.0

Waveform = NDArray[np.float32]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sound:
    """A row of the manifest; `file` is relative to it, `source` is the path in the package."""

    file: str
    label: str
    recording: str
    package: str
    licence: str
    sha256: str
    duration_s: float
    source: str
    kind: str


def convert(
    package: Package, sources: Sources, contents: Iterable[tuple[str, bytes]], out: Path
) -> list[Sound]:
    """Write the labeled sounds of one package.

    Args:
        contents: ``(path below the root, content)``.
        out: gets ``<label>/<package>__<name>``; what the package left there before is removed.

    Returns:
        At most `max_per_label` sounds of each label, and `minutes` in all.
    """
    for stale in out.glob(f"*/{package.name.replace('/', '+')}__*"):
        stale.unlink()
    by_label: dict[str, dict[str, bytes]] = defaultdict(dict)
    for path, data in contents:
        by_label[package.label_of(path)][path] = data
    return [
        write(
            out,
            piece.waveform,
            label=label,
            kind=package.kind_of(piece.path),
            recording=piece.recording,
            package=package.name,
            licence=package.licence_of(piece.path),
            name=slug(piece.path),
            source=package.root + piece.path + piece.more,
        )
        for label, files in sorted(by_label.items())
        for piece in _joined(package, sources, _chosen(package, sources, files))
    ]


@dataclass(frozen=True)
class _Piece:
    """A sound to write; `path` is that of the first file, `more` is how many joined it."""

    path: str
    recording: str
    waveform: Waveform
    more: str = ""


def _chosen(package: Package, sources: Sources, files: dict[str, bytes]) -> Iterator[_Piece]:
    """The files of one label that are taken, each as a piece."""
    recordings = {path: sources.recording_of(package, path) for path in files}
    n_taken, minutes = 0, 0.0
    taken: set[bytes] = set()
    for path in spread(recordings):
        if n_taken == sources.max_per_label or minutes > package.minutes:
            return
        waveform = decode(files[path], sources.max_s)
        if waveform is None:
            logger.debug("%s: %s is short, silent or unreadable", package.name, path)
            continue
        digest = hashlib.sha256(waveform.tobytes()).digest()
        if digest in taken:
            continue
        taken.add(digest)
        n_taken += 1
        minutes += len(waveform) / SAMPLE_RATE / 60
        yield _Piece(path, recordings[path], waveform)


def _joined(package: Package, sources: Sources, chosen: Iterable[_Piece]) -> Iterator[_Piece]:
    """The pieces; those to be joined become streams of one recording, kind and licence."""
    streams: dict[tuple[str, str, str], list[_Piece]] = defaultdict(list)
    for piece in chosen:
        if not package.is_joined(piece.path):
            yield piece
            continue
        key = piece.recording, package.kind_of(piece.path), package.licence_of(piece.path)
        streams[key].append(piece)
        if sum(len(part.waveform) for part in streams[key]) >= sources.max_s * SAMPLE_RATE:
            yield _stream(streams.pop(key))
    for parts in streams.values():
        yield _stream(parts)


def _stream(parts: list[_Piece]) -> _Piece:
    gap = np.zeros(int(GAP_S * SAMPLE_RATE), np.float32)
    waveform = np.concatenate([samples for part in parts for samples in (part.waveform, gap)])
    return replace(parts[0], waveform=waveform, more=f" and {len(parts) - 1} more")


def write(
    out: Path,
    waveform: Waveform,
    *,
    label: str,
    kind: str,
    recording: str,
    package: str,
    licence: str,
    name: str,
    source: str,
) -> Sound:
    """Write one sound as 16-bit WAV, or as FLAC if it is longer than 30 s.

    Args:
        waveform: ``(samples,)`` at 16 kHz in -1..1.
    """
    suffix = "flac" if len(waveform) > WAV_MAX_S * SAMPLE_RATE else "wav"
    file = f"{label}/{package.replace('/', '+')}__{name}.{suffix}"
    (out / label).mkdir(exist_ok=True)
    soundfile.write(out / file, waveform, SAMPLE_RATE, subtype="PCM_16")
    return Sound(
        file=file,
        label=label,
        recording=recording,
        package=package,
        licence=licence,
        sha256=sha256(out / file),
        duration_s=round(len(waveform) / SAMPLE_RATE, 3),
        source=source,
        kind=kind,
    )


def spread(recordings: dict[str, str]) -> list[str]:
    """The files in an order that takes one of each recording before a second of any.

    Args:
        recordings: file -> its recording.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for path in sorted(recordings, key=_shuffled):
        groups[recordings[path]].append(path)
    ranked = [
        (rank, _shuffled(recording), path)
        for recording, paths in groups.items()
        for rank, path in enumerate(paths)
    ]
    return [path for _, _, path in sorted(ranked)]


def _shuffled(text: str) -> str:
    """Sort key that is arbitrary and the same everywhere."""
    return hashlib.sha256(text.encode()).hexdigest()


def slug(path: str) -> str:
    """A path inside a package as one file name."""
    return re.sub(r"[^A-Za-z0-9.+-]+", "_", AUDIO_SUFFIX.sub("", path)).strip("_")


def decode(data: bytes, max_s: float = 30.0) -> Waveform | None:
    """Waveform of at most `max_s` seconds, or None if it is short, silent or unreadable."""
    pieces: list[Waveform] = []
    n_samples, n_wanted = 0, int(max_s * SAMPLE_RATE)
    try:
        with Clip(io.BytesIO(data)) as clip:
            for block in clip.waveform_blocks():
                pieces.append(block)
                n_samples += len(block)
                if n_samples >= n_wanted:
                    break
    except RejectedClipError:
        return None
    waveform = np.concatenate(pieces)[:n_wanted]
    if len(waveform) < MIN_DURATION_S * SAMPLE_RATE:
        return None
    if np.sqrt(np.mean(np.square(waveform, dtype=np.float64))) < SILENCE_RMS:
        return None
    return waveform / max(1.0, float(np.abs(waveform).max()))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
