"""Batches of archives, against moto's S3."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto import mock_aws

from earshot.archives import archive_files, plan
from earshot.archives.archive_files import BATCHES, PARTS, ArchiveFiles
from earshot.archives.archived_clips import ArchivedClip
from earshot.archives.plan import Archive, Planner
from earshot.errors import BadRequestError, UnavailableError
from tests.unit.moto_clients import moto_client

ALWAYS: Callable[[], bool] = lambda: True  # noqa: E731


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = moto_client("s3")
        for bucket in ("city", "files"):
            client.create_bucket(Bucket=bucket)
        yield client


def put(s3: Any, *names: str) -> None:
    for name in names:
        s3.put_object(Bucket="city", Key=name, Body=name.encode())


def planned(s3: Any, archive: Archive) -> list[list[str]]:
    """Keys of the clips of each batch, as classify reads them."""
    files = ArchiveFiles(s3, "files")
    return [
        [ArchivedClip(*row).key for row in json.loads(files.read(key))]
        for key in files.keys(files.key(archive.name, BATCHES))
    ]


def test_every_clip_is_in_one_batch_and_folders_are_in_none(s3):
    put(s3, "a/", "a/1.wav", "a/2.wav", "a/b/3.wav", "other/4.wav")
    archive = Archive("one", "city", "a/", clips_a_batch=2)
    found = Planner(s3, ArchiveFiles(s3, "files")).plan(archive, ALWAYS)
    assert planned(s3, archive) == [["a/1.wav", "a/2.wav"], ["a/b/3.wav"]]
    assert (found.clips, found.batches, found.done) == (3, 2, True)
    assert found.size == len("a/1.wav" + "a/2.wav" + "a/b/3.wav")


def test_a_plan_that_runs_out_of_time_goes_on_where_it_was(s3, monkeypatch):
    pages(monkeypatch, 3)
    put(s3, *(f"a/{n}.wav" for n in range(10)))
    archive = Archive("one", "city", "a/", clips_a_batch=2)
    planner = Planner(s3, ArchiveFiles(s3, "files"))
    calls = 1
    while not planner.plan(archive, lambda: False).done:
        calls += 1
    assert calls == 4
    found = planned(s3, archive)
    assert [key for batch in found for key in batch] == [f"a/{n}.wav" for n in range(10)]
    assert all(len(batch) <= 2 for batch in found)


def test_a_plan_that_is_done_stays_whatever_comes_later(s3):
    put(s3, "a/2.wav")
    archive = Archive("one", "city", "a/")
    planner = Planner(s3, ArchiveFiles(s3, "files"))
    first = planner.plan(archive, ALWAYS)
    put(s3, "a/1.wav")
    assert planner.plan(archive, ALWAYS) == first
    assert planned(s3, archive) == [["a/2.wav"]]


def test_batches_that_a_killed_call_left_behind_are_gone(s3):
    put(s3, "a/1.wav")
    files = ArchiveFiles(s3, "files")
    for number in (0, 1, 7):
        files.write_json("one", archive_files.batch_file(number), [["a/gone.wav", "x", 1]])
    archive = Archive("one", "city", "a/")
    Planner(s3, files).plan(archive, ALWAYS)
    assert planned(s3, archive) == [["a/1.wav"]]


@pytest.mark.parametrize("n", [1, 3, 4, 100])
def test_what_is_beyond_the_limit_is_left_out(s3, monkeypatch, n):
    pages(monkeypatch, 3)
    put(s3, *(f"a/{i}.wav" for i in range(5)))
    archive = Archive("one", "city", "a/", max_clips=n)
    found = Planner(s3, ArchiveFiles(s3, "files")).plan(archive, ALWAYS)
    assert found.clips == min(n, 5)
    assert sum(map(len, planned(s3, archive))) == found.clips


def test_long_recordings_make_smaller_batches(s3, monkeypatch):
    monkeypatch.setattr(plan, "MAX_BATCH_BYTES", 20)
    put(s3, "a/12345678", "a/1234567", "a/x", "a/" + "y" * 40)
    archive = Archive("one", "city", "a/")
    Planner(s3, ArchiveFiles(s3, "files")).plan(archive, ALWAYS)
    assert planned(s3, archive) == [["a/1234567", "a/12345678"], ["a/x"], ["a/" + "y" * 40]]


def test_parts_say_how_many_batches_make_a_file(s3, monkeypatch):
    monkeypatch.setattr(plan, "BATCHES_A_PART", 2)
    monkeypatch.setattr(archive_files, "BATCHES_A_PART", 2)
    put(s3, *(f"a/{i}.wav" for i in range(5)))
    files = ArchiveFiles(s3, "files")
    Planner(s3, files).plan(Archive("one", "city", "a/", clips_a_batch=1), ALWAYS)
    parts = [json.loads(files.read(key)) for key in files.keys(files.key("one", PARTS))]
    assert parts == [{"batches": 2}, {"batches": 2}, {"batches": 1}]


def test_an_empty_prefix_is_an_empty_archive(s3):
    found = Planner(s3, ArchiveFiles(s3, "files")).plan(Archive("one", "city", "a/"), ALWAYS)
    assert (found.clips, found.batches, found.done) == (0, 0, True)


def test_another_archive_of_the_same_name_is_refused(s3):
    planner = Planner(s3, ArchiveFiles(s3, "files"))
    planner.plan(Archive("one", "city", "a/"), ALWAYS)
    planner.plan(Archive("one", "city", "a/", concurrency=9), ALWAYS)
    with pytest.raises(BadRequestError, match="another one"):
        planner.plan(Archive("one", "city", "b/"), ALWAYS)


def test_a_bucket_that_may_not_be_read_is_an_error(s3):
    with pytest.raises(UnavailableError):
        Planner(s3, ArchiveFiles(s3, "files")).plan(Archive("one", "nobody's"), ALWAYS)


def test_an_inventory_is_read_file_by_file(s3):
    rows: list[tuple[str, ...]] = [
        ("a/1+%C3%A9.wav", "5", "e1"),
        ("b/2.wav", "5", "e2"),
        ("a/3.wav", "5", "e3"),
    ]
    inventory(s3, [rows[:2], rows[2:]])
    archive = Archive("one", "city", "a/", inventory="s3://files/inventory/manifest.json")
    planner = Planner(s3, ArchiveFiles(s3, "files"))
    assert not planner.plan(archive, lambda: False).done
    found = planner.plan(archive, lambda: False)
    assert (found.clips, found.size, found.done) == (2, 10, True)
    assert planned(s3, archive) == [["a/1 é.wav"], ["a/3.wav"]]


def test_old_versions_in_an_inventory_are_no_clips(s3):
    fields = "Bucket, Key, Size, ETag, IsLatest, IsDeleteMarker"
    old, gone = ("a/1.wav", "5", "e", "false", "false"), ("a/2.wav", "", "", "true", "true")
    inventory(s3, [[old, gone, ("a/3.wav", "5", "e", "true", "false")]], fields)
    archive = Archive("one", "city", inventory="s3://files/inventory/manifest.json")
    Planner(s3, ArchiveFiles(s3, "files")).plan(archive, ALWAYS)
    assert planned(s3, archive) == [["a/3.wav"]]


@pytest.mark.parametrize(
    ("field", "value"), [("fileSchema", "Bucket, Key, Size"), ("sourceBucket", "town")]
)
def test_an_inventory_that_does_not_fit_is_refused(s3, field, value):
    inventory(s3, [[("a/1.wav", "5", "e")]], **{field: value})
    archive = Archive("one", "city", inventory="s3://files/inventory/manifest.json")
    with pytest.raises(BadRequestError):
        Planner(s3, ArchiveFiles(s3, "files")).plan(archive, ALWAYS)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"bucket": "city", "colour": "red"},
        {"bucket": "city", "name": "../x"},
        {"bucket": "city", "max_clips": 0},
        {"bucket": "city", "max_clips": "5"},
        {"bucket": "city", "clips_a_batch": 100_000},
        {"bucket": "city", "concurrency": True},
    ],
)
def test_an_input_of_another_shape_is_refused(document):
    with pytest.raises(BadRequestError):
        Archive.from_input("run", document, 5)


def test_an_archive_without_a_name_has_that_of_its_execution():
    archive = Archive.from_input("run-1", {"bucket": "city"}, 5)
    assert (archive.name, archive.concurrency) == ("run-1", 5)


@pytest.mark.parametrize(
    ("key", "source"),
    [("a/gate/1.wav", "gate"), ("a/gate/x/1.wav", "gate"), ("a/1.wav", "unknown")],
)
def test_the_first_folder_is_the_source(key, source):
    assert ArchivedClip(key, "e", 1).source("a/") == ArchivedClip(key, "e", 1).source("a") == source


def pages(monkeypatch: pytest.MonkeyPatch, n: int) -> None:
    """Let a listing have pages of `n` keys."""
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", str(n))


def inventory(
    s3: Any,
    files: list[list[tuple[str, ...]]],
    fields: str = "Bucket, Key, Size, ETag",
    **changes: str,
) -> None:
    """An S3 Inventory, as its documentation shows one."""
    for number, rows in enumerate(files):
        text = io.StringIO()
        csv.writer(text, quoting=csv.QUOTE_ALL).writerows(("city", *row) for row in rows)
        content = gzip.compress(text.getvalue().encode())
        s3.put_object(Bucket="files", Key=f"inventory/data/{number}.csv.gz", Body=content)
    manifest = {
        "sourceBucket": "city",
        "fileFormat": "CSV",
        "fileSchema": fields,
        "files": [{"key": f"inventory/data/{n}.csv.gz"} for n in range(len(files))],
    } | changes
    s3.put_object(Bucket="files", Key="inventory/manifest.json", Body=json.dumps(manifest))
