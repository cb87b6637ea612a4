"""Upload folders so that an upload that was broken off goes on where it stopped."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from earshot.limits import MAX_CLIP_BYTES
from earshot.times import parse_time
from earshot_client.transport import ApiError

JOURNAL_NAME = ".earshot-uploads.jsonl"
_AT_FAULT = {400, 413, 422}  # the file, and not the deployment
_FORBIDDEN = 403
_EARLY = timedelta(minutes=1)

Ticket = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """What the journal records about a file.

    Attributes:
        clip_id: of its result.
        ticket: with which its upload was begun; None once it is uploaded.
    """

    clip_id: str
    ticket: Ticket | None = None


class Journal:
    """Which files of a folder are uploaded to a deployment for a source, in a file in that folder.

    A file that has changed since counts as a new one. An upload is noted before it begins, with its
    ticket: whoever is killed in between sends the same clip again, not another one.

    Args:
        folder: of the files.
        deployment: address of its API.
        source: that is named for the files.
    """

    def __init__(self, folder: Path, deployment: str, source: str | None) -> None:
        self._folder = folder
        self._file = folder / JOURNAL_NAME
        self._of = {"deployment": deployment, "source": source or ""}
        self._lock = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._torn = False
        if self._file.is_file():
            content = self._file.read_text(errors="replace")
            self._torn = bool(content) and not content.endswith("\n")
            for line in content.splitlines():
                self._read(line)

    def entry(self, path: Path) -> Entry | None:
        """What is noted of a file; None if nothing is."""
        try:
            return self._entries.get(self._identity(path))
        except OSError:  # such as a link to nowhere
            return None

    def uploaded(self, path: Path) -> bool:
        """Whether a file is uploaded."""
        entry = self.entry(path)
        return entry is not None and entry.ticket is None

    def begin(self, path: Path, ticket: Ticket) -> None:
        """Note that the upload of a file begins."""
        self._add(path, Entry(ticket["clip_id"], ticket))

    def done(self, path: Path, clip_id: str) -> None:
        """Note that a file is uploaded."""
        self._add(path, Entry(clip_id))

    def _add(self, path: Path, entry: Entry) -> None:
        identity = self._identity(path)
        line: dict[str, Any] = {"file": identity, "clip_id": entry.clip_id, **self._of}
        if entry.ticket:
            line["ticket"] = entry.ticket
        with self._lock:
            # For this user alone: a ticket lets its holder upload.
            descriptor = os.open(self._file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "a") as file:
                file.write(("\n" if self._torn else "") + json.dumps(line) + "\n")
            self._torn = False
            self._entries[identity] = entry

    def _read(self, line: str) -> None:
        try:
            noted = json.loads(line)
            # Lines of earlier versions name neither deployment nor source, and hold for any.
            if {name: noted.get(name, value) for name, value in self._of.items()} == self._of:
                self._entries[noted["file"]] = Entry(noted["clip_id"], noted.get("ticket"))
        except (ValueError, KeyError, AttributeError, TypeError):
            return  # a line that was torn when its run was killed

    def _identity(self, path: Path) -> str:
        stat = path.stat()
        return f"{path.relative_to(self._folder)}:{stat.st_size}:{stat.st_mtime_ns}"


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


@dataclass(frozen=True)
class Sender:
    """How a file is uploaded.

    Attributes:
        issue: gives a ticket for a file.
        send: sends a file by its ticket.
        arrived: whether a clip has a result.
    """

    issue: Callable[[Path], Ticket]
    send: Callable[[Ticket, Path], None]
    arrived: Callable[[str], bool]

    def upload(self, path: Path, journal: Journal) -> str:
        """Upload a file unless it is; returns the id of its clip.

        Raises:
            ApiError: the API or S3 refused it.
        """
        entry = journal.entry(path)
        if entry is None or entry.ticket is None:
            return entry.clip_id if entry else self._anew(path, journal)
        try:
            # S3 keeps one key for a ticket, and the first result of a clip stands.
            if parse_time(entry.ticket["expires_at"]) > datetime.now(UTC) + _EARLY:
                self.send(entry.ticket, path)
                journal.done(path, entry.clip_id)
                return entry.clip_id
        except ApiError as error:
            if error.status != _FORBIDDEN:  # the ticket's credentials ended early
                raise
        if self.arrived(entry.clip_id):
            journal.done(path, entry.clip_id)
            return entry.clip_id
        return self._anew(path, journal)

    def _anew(self, path: Path, journal: Journal) -> str:
        ticket = self.issue(path)
        journal.begin(path, ticket)
        self.send(ticket, path)
        journal.done(path, ticket["clip_id"])
        return str(ticket["clip_id"])


@dataclass
class Uploads:
    """What became of files.

    Attributes:
        clip_ids: of those that are uploaded.
        faults: why others are not.
    """

    clip_ids: dict[Path, str] = field(default_factory=dict)
    faults: dict[Path, str] = field(default_factory=dict)


def upload_new(paths: Sequence[Path], journal: Journal, sender: Sender, jobs: int) -> Uploads:
    """Upload those that the journal does not hold yet. A file at fault stops no other.

    Raises:
        ApiError: the API does not let us in or does not answer; what is uploaded is in the journal.
    """
    done = Uploads()

    def upload_one(path: Path) -> None:
        if reason := fault(path):
            done.faults[path] = reason
            return
        try:
            done.clip_ids[path] = sender.upload(path, journal)
        except OSError as error:
            done.faults[path] = error.strerror or str(error)
        except ApiError as error:
            if error.status not in _AT_FAULT:
                raise
            done.faults[path] = str(error)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            _drain(pool.map(upload_one, paths))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return Uploads(
        {path: done.clip_ids[path] for path in paths if path in done.clip_ids}, done.faults
    )


def _drain(results: Iterable[None]) -> None:
    for _ in results:
        pass
