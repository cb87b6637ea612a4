"""Segments that wait to be sent, as files in a folder, so that they outlive this process."""

from __future__ import annotations

import fcntl
import os
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from earshot.errors import EarshotError
from earshot_client.listen.segments import Segment

_NAME = "%Y%m%dT%H%M%S.%fZ"
_DROPPED = "dropped.txt"
_ALMOST = 0.9


class SpoolError(EarshotError):
    """The spool cannot be used, or a segment cannot be kept; the message gives the reason."""


@dataclass(frozen=True)
class Waiting:
    """A segment in the spool.

    Attributes:
        path: its WAV.
        start: when its first sample was recorded.
    """

    path: Path
    start: datetime

    @property
    def ticket_path(self) -> Path:
        """Where the ticket lies by which its upload was begun."""
        return self.path.with_suffix(".ticket")


class Spool:
    """A folder of segments, sent oldest first. Each is on the disk before `add` returns.

    One process alone may use a folder. Where there is no room, the oldest segments are dropped,
    and counted across restarts.

    Args:
        folder: is made where it is missing.
        max_bytes: of all segments.

    Raises:
        SpoolError: the folder cannot be written, or another process uses it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._mutex = threading.Lock()
        self._sending: Path | None = None
        self.added = threading.Event()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = (folder / "lock").open("a")
        except OSError as error:
            raise SpoolError(f"The spool {folder} cannot be used: {error.strerror}.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._lock.close()
            raise SpoolError(
                f"Another earshot listen uses the spool {folder}. Name another --spool or --source."
            ) from error
        for torn in folder.glob("*.part"):
            torn.unlink()
        self._sizes = {path: path.stat().st_size for path in sorted(folder.glob("*.wav"))}
        self.dropped = _read_count(folder / _DROPPED)

    @property
    def full(self) -> bool:
        """Whether there is no room, and the next segment drops the oldest."""
        with self._mutex:
            return sum(self._sizes.values()) >= self._max_bytes * _ALMOST

    def __len__(self) -> int:
        return len(self._sizes)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let another process use the folder."""
        self._lock.close()

    def add(self, segment: Segment) -> None:
        """Keep a segment.

        Raises:
            SpoolError: it cannot be written, and is dropped and counted.
        """
        content = segment.to_wav()
        with self._mutex:
            while sum(self._sizes.values()) + len(content) > self._max_bytes:
                if not self._drop_oldest():
                    break
            path = self._name(segment.start, content)
            try:
                try:
                    self._write(path, content)
                except OSError:  # such as a full disk, where the oldest makes room
                    if not self._drop_oldest():
                        raise
                    self._write(path, content)
            except OSError as error:
                self._count()
                raise SpoolError(f"{error.strerror}: {self._folder}") from error
            self._sizes[path] = len(content)
        self.added.set()

    def oldest(self) -> Waiting | None:
        """The segment to send next; it is not dropped until `release` or `remove`."""
        with self._mutex:
            self._sending = min(self._sizes, default=None)
            if self._sending is None:
                self.added.clear()
                return None
            start = datetime.strptime(self._sending.stem.partition("~")[0], _NAME)
            return Waiting(self._sending, start.replace(tzinfo=UTC))

    def release(self) -> None:
        """The segment of `oldest` is not being sent any more."""
        with self._mutex:
            self._sending = None

    def remove(self, waiting: Waiting, *, dropped: bool = False) -> None:
        """Remove a segment that was sent, or is given up."""
        with self._mutex:
            self._sending = None
            waiting.path.unlink(missing_ok=True)
            waiting.ticket_path.unlink(missing_ok=True)
            self._sizes.pop(waiting.path, None)
            if dropped:
                self._count()

    def write(self, path: Path, content: bytes) -> None:
        """Write a file beside the segments, whole or not at all. Raises `OSError`."""
        self._write(path, content)

    def _name(self, start: datetime, content: bytes) -> Path:
        """Name by time; two segments have the same start only where the clock was set back."""
        path = self._folder / f"{start.astimezone(UTC):{_NAME}}.wav"
        n = 0
        while path in self._sizes and path.read_bytes() != content:
            n += 1
            path = path.with_name(f"{start.astimezone(UTC):{_NAME}}~{n}.wav")
        return path

    def _write(self, path: Path, content: bytes) -> None:
        part = path.with_suffix(".part")
        try:
            with part.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)

    def _drop_oldest(self) -> bool:
        path = min((path for path in self._sizes if path != self._sending), default=None)
        if path is None:
            return False
        path.unlink(missing_ok=True)
        path.with_suffix(".ticket").unlink(missing_ok=True)
        del self._sizes[path]
        self._count()
        return True

    def _count(self) -> None:
        self.dropped += 1
        try:
            (self._folder / _DROPPED).write_text(f"{self.dropped}\n")
        except OSError:  # the disk is full; the count of this process goes on
            return


def _read_count(path: Path) -> int:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # none yet, or torn
        return 0


def _sync_folder(folder: Path) -> None:
    """Make a new name in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
