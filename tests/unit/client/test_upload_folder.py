"""Folders are uploaded once, however often a run is broken off or killed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from earshot.times import format_time
from earshot_client.cli.recordings import recordings
from earshot_client.cli.upload_folder import JOURNAL_NAME, Journal, Sender, Ticket, upload_new
from earshot_client.transport import ApiError

API = "https://api.example"


class Killed(BaseException):
    """The process ends without another line of its own."""


class S3:
    """Issues tickets and keeps clips by their keys, as the deployment does.

    Attributes:
        stored: how often each clip was sent.
        fails: raised instead of, or with `late` after, storing a clip.
    """

    def __init__(self, lifetime: timedelta = timedelta(hours=1)) -> None:
        self.issued: list[str] = []
        self.stored: dict[str, int] = {}
        self.fails: list[BaseException] = []
        self.late = False
        self.lifetime = lifetime

    def sender(self) -> Sender:
        return Sender(self.issue, self.send, self.stored.__contains__)

    def issue(self, path: Path) -> Ticket:
        clip_id = f"id{len(self.issued)} of {path.name}"
        self.issued.append(clip_id)
        return {"clip_id": clip_id, "expires_at": format_time(datetime.now(UTC) + self.lifetime)}

    def send(self, ticket: Ticket, path: Path) -> None:
        if self.fails and not self.late:
            raise self.fails.pop()
        self.stored[ticket["clip_id"]] = self.stored.get(ticket["clip_id"], 0) + 1
        if self.fails:
            raise self.fails.pop()

    def upload(self, folder: Path, deployment: str = API, source: str | None = "gate") -> Any:
        journal = Journal(folder, deployment, source)
        return upload_new(recordings(folder), journal, self.sender(), jobs=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "b/c.WAV", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_recordings_are_found_in_all_folders(folder):
    (folder / "folder.wav").mkdir()
    assert [path.name for path in recordings(folder)] == ["a.wav", "c.WAV"]


def test_what_is_uploaded_is_not_uploaded_again(folder):
    s3 = S3()
    first, again = s3.upload(folder), s3.upload(folder)
    assert first.clip_ids == again.clip_ids
    assert set(s3.stored.values()) == {1}
    assert len(s3.stored) == 2


@pytest.mark.parametrize("late", [False, True])
def test_an_upload_that_is_killed_doubles_nothing(folder, late):
    s3 = S3()
    s3.fails, s3.late = [Killed()], late
    with pytest.raises(Killed):
        s3.upload(folder)
    done = s3.upload(folder)
    assert list(done.clip_ids.values()) == ["id0 of a.wav", "id1 of c.WAV"]
    assert sorted(s3.stored) == s3.issued == ["id0 of a.wav", "id1 of c.WAV"]


@pytest.mark.parametrize("refusal", [None, ApiError(403, "the ticket is no longer good")])
@pytest.mark.parametrize("arrived", [False, True])
def test_a_ticket_that_has_expired_is_replaced_unless_its_clip_arrived(folder, refusal, arrived):
    s3 = S3(timedelta(hours=1) if refusal else timedelta())
    s3.fails, s3.late = [Killed()], arrived
    with pytest.raises(Killed):
        s3.upload(folder)
    s3.late = False
    s3.fails = [refusal] if refusal else []
    s3.upload(folder)
    sent = [clip for clip in s3.stored if clip.endswith("a.wav")]
    assert len(sent) == 1
    assert (sent[0] == "id0 of a.wav") is arrived


def test_a_torn_line_costs_neither_the_lines_before_nor_those_after_it(folder):
    s3 = S3()
    s3.fails = [ApiError(0, "broke off")]
    with pytest.raises(ApiError):
        s3.upload(folder)
    with (folder / JOURNAL_NAME).open("a") as file:
        file.write('{"file": "b/c')  # as a kill leaves it
    s3.upload(folder)
    s3.upload(folder)
    assert sorted(s3.stored) == ["id0 of a.wav", "id1 of c.WAV"]
    assert set(s3.stored.values()) == {1}


@pytest.mark.parametrize("line", ["1", "[]", '{"file": 3}', "\x00\x00", "{}"])
def test_lines_that_make_no_sense_are_passed_over(folder, line):
    (folder / JOURNAL_NAME).write_text(f"{line}\n")
    assert len(S3().upload(folder).clip_ids) == 2


def test_each_deployment_and_source_has_uploads_of_its_own(folder):
    s3 = S3()
    for deployment, source in (
        (API, "gate"),
        (API, "yard"),
        ("https://other", "gate"),
        (API, None),
    ):
        s3.upload(folder, deployment, source)
    assert len(s3.stored) == 8
    for deployment, source in ((API, "gate"), (API, None)):
        s3.upload(folder, deployment, source)
    assert len(s3.stored) == 8


def test_a_journal_of_an_earlier_version_holds_for_any_source(folder):
    stat = (folder / "a.wav").stat()
    line = {"file": f"a.wav:{stat.st_size}:{stat.st_mtime_ns}", "clip_id": "before"}
    (folder / JOURNAL_NAME).write_text(json.dumps(line) + "\n")
    assert S3().upload(folder).clip_ids[folder / "a.wav"] == "before"


def test_a_file_that_changed_is_a_new_one(folder):
    s3 = S3()
    s3.upload(folder)
    (folder / "a.wav").write_bytes(b"another recording")
    assert s3.upload(folder).clip_ids[folder / "a.wav"] == "id2 of a.wav"


def test_a_journal_is_its_owners_alone(folder):
    S3().upload(folder)
    assert (folder / JOURNAL_NAME).stat().st_mode & 0o077 == 0
