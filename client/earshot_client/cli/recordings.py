"""Recordings that a user names: files, folders, pipes and standard input."""

from __future__ import annotations

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

STDIN = Path("-")
# Such as 20240702_064404.WAV of an AudioMoth, and SM4_20240702_064404.wav of a Song Meter.
_TIME = re.compile(r"(?<!\d)(20\d{6}_\d{6})(?!\d)")


def is_stream(path: Path) -> bool:
    """Whether a recording can be read once only: standard input, or a pipe."""
    return path == STDIN or path.is_fifo()


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """A recording as a file; of a stream, a temporary copy.

    Raises:
        OSError: it cannot be read.
    """
    if not is_stream(path):
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".wav") as copy:
        if path == STDIN:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        else:
            with path.open("rb") as stream:
                shutil.copyfileobj(stream, copy)
        copy.flush()
        yield Path(copy.name)


def recordings(folder: Path) -> list[Path]:
    """Every file under a folder whose name ends in ``.wav``, in order of their names."""
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() == ".wav" and not path.is_dir()
    )


def time_in_name(path: Path, zone: ZoneInfo) -> datetime | None:
    """When a recording began, by its recorder's name for it; None if the name has no time.

    Args:
        path: such as ``20240702_064404.WAV``.
        zone: of the recorder's clock.
    """
    found = _TIME.search(path.name)
    if not found:
        return None
    try:
        time = datetime.strptime(found[1], "%Y%m%d_%H%M%S").replace(tzinfo=zone)
    except ValueError:  # such as month 13
        return None
    return time.astimezone(UTC)
