"""Upload folders so that an upload that was broken off goes on where it stopped."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from earshot.limits import MAX_CLIP_BYTES
from earshot_client.transport import ApiError

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
        try:
            return self._clip_ids.get(self._identity(path))
        except OSError:  # such as a link to nowhere
            return None

    def add(self, path: Path, clip_id: str) -> None:
        """Note that a file is uploaded."""
        identity = self._identity(path)
        with self._lock, self._file.open("a") as file:
            file.write(json.dumps({"file": identity, "clip_id": clip_id}) + "\n")
            self._clip_ids[identity] = clip_id

    def _identity(self, path: Path) -> str:
        stat = path.stat()
        return f"{path.relative_to(self._folder)}:{stat.st_size}:{stat.st_mtime_ns}"


_AT_FAULT = {400, 413, 422}  # the file, and not the deployment


def recordings(folder: Path) -> list[Path]:
    """Every file under a folder whose name ends in ``.wav``, in order of their names."""
    return sorted(
        path for path in folder.rglob("*") if path.suffix.lower() == ".wav" and not path.is_dir()
    )


def fault(path: Path) -> str | None:
    """Why a file cannot be uploaded; None if it can."""
    try:
        size = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        return error.strerror or str(error)
    if size == 0:
        return "The file is empty."
    if size > MAX_CLIP_BYTES:
        return f"The file has {size} bytes; {MAX_CLIP_BYTES} are possible."
    return None


@dataclass
class Uploads:
    """What became of files.

    Attributes:
        clip_ids: of those that are uploaded.
        faults: why others are not.
    """

    clip_ids: dict[Path, str] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)


def upload_new(
    paths: Sequence[Path], journal: Journal, upload: Callable[[Path], str], jobs: int
) -> Uploads:
    """Upload those that the journal does not hold yet. A file at fault stops no other.

    Raises:
        ApiError: the API does not let us in or does not answer; what is uploaded is in the journal.
    """
    done = Uploads()

    def upload_one(path: Path) -> None:
        if reason := fault(path):
            done.faults[path] = reason
            return
        clip_id = journal.clip_id(path)
        if clip_id is None:
            try:
                clip_id = upload(path)
            except ApiError as error:
                if error.status not in _AT_FAULT:
                    raise
                done.faults[path] = str(error)
                return
            journal.add(path, clip_id)
        done.clip_ids[path] = clip_id

    with ThreadPoolExecutor(jobs) as pool:
        try:
            for _ in pool.map(upload_one, paths):
                pass
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Uploads(
        {path: done.clip_ids[path] for path in paths if path in done.clip_ids}, done.faults
    )
