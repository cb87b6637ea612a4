"""Upload folders so that an upload that was broken off goes on where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

JOURNAL_NAME = ".earshot-uploads.jsonl"


class Journal:
    """Which files of a folder are uploaded, in a file in that folder.

    A file that has changed since counts as a new one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / JOURNAL_NAME
        self._lock = threading.Lock()
        self._clip_ids: dict[str, str] = {}
        if self._file.is_file():
            for line in self._file.read_text().splitlines():
                try:
                    entry = json.loads(line)
                except ValueError:
                    continue  # the last line, of a run that was killed
                self._clip_ids[entry["file"]] = entry["clip_id"]

    def clip_id(self, path: Path) -> str | None:
        """Id of a file's clip; None if it is not uploaded yet."""
        return self._clip_ids.get(self._identity(path))

    def add(self, path: Path, clip_id: str) -> None:
        """Note that a file is uploaded."""
        identity = self._identity(path)
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps({"file": identity, "clip_id": clip_id}) + "\n")
            self._clip_ids[identity] = clip_id

    def _identity(self, path: Path) -> str:
        stat = path.stat()
        return f"{path.relative_to(self._folder)}:{stat.st_size}:{stat.st_mtime_ns}"


def recordings(folder: Path) -> list[Path]:
    """Every file under a folder whose name ends in ``.wav``, in order of their names."""
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".wav")


def upload_new(
    paths: Iterable[Path], journal: Journal, upload: Callable[[Path], str], jobs: int
) -> dict[Path, str]:
    """Upload those that the journal does not hold yet; returns the clip ids of all.

    Raises:
        ApiError: an upload failed; those that worked are in the journal.
    """

    def upload_one(path: Path) -> tuple[Path, str]:
        clip_id = journal.clip_id(path)
        if clip_id is None:
            clip_id = upload(path)
            journal.add(path, clip_id)
        return path, clip_id

    with ThreadPoolExecutor(jobs) as pool:
        try:
            return dict(pool.map(upload_one, paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
