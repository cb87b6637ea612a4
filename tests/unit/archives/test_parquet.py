"""The Parquet files of archives, and their table for Athena."""

from __future__ import annotations

from typing import Any

import pytest
from moto import mock_aws

from earshot.archives.archive_files import ArchiveFiles, batch_file, results_file
from earshot.archives.summary import summarize
from earshot.results.serialization import to_json
from earshot_archive.parquet import COLUMNS, write_part
from tests.unit.infrastructure.cloudformation import properties
from tests.unit.moto_clients import moto_client
from tests.unit.sample_results import classified, rejected

GLUE = {
    "VARCHAR": "string",
    "TIMESTAMP": "timestamp",
    "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "INTEGER": "int",
}


def glue_type(kind: str) -> str:
    """Type of Glue for one of DuckDB."""
    if kind.endswith("[]"):
        return f"array<{glue_type(kind[:-2])}>"
    if kind.startswith("STRUCT("):
        members = (one.strip().split(" ") for one in kind[7:-1].split(","))
        inner = (f"{name.strip(chr(34))}:{glue_type(of)}" for name, of in members)
        return f"struct<{','.join(inner)}>"
    return GLUE[kind]


def test_athenas_table_has_the_columns_of_the_files():
    table = properties("ArchivesGlueTable")["TableInput"]
    columns = {c["Name"]: c["Type"] for c in table["StorageDescriptor"]["Columns"]}
    assert columns == {name: glue_type(kind) for name, kind in COLUMNS.items()}
    assert list(columns) == list(COLUMNS)


def test_every_field_of_a_result_has_a_column():
    fields: set[str] = set()
    for result in (classified("a" * 32, event_count=3), rejected("b" * 32)):
        fields |= to_json(result).keys()
    of_people = {"verified_label", "feedback", "alerted_at", "muted_by", "clip_url"}
    # `class_id` says what `label` says.
    assert fields - of_people - {"class_id", "version_id"} <= COLUMNS.keys()


@pytest.fixture
def files() -> Any:
    with mock_aws():
        s3 = moto_client("s3")
        s3.create_bucket(Bucket="files")
        yield ArchiveFiles(s3, "files")


def test_a_part_is_written_with_what_it_holds(files, tmp_path):
    import duckdb

    rows = [to_json(classified("a" * 32)), to_json(rejected("b" * 32))]
    files.write_lines("one", results_file(batch_file(0)), rows)
    files.write_json("one", "parts/000000.json", {"batches": 2})
    files.write_json("one", "plan.json", {"clips": 4, "batches": 2})
    found = write_part(files, "one", "archives/one/parts/000000.json")
    assert (found["planned"], found["batches"]) == (2, 1)
    label = rows[0]["label"]
    assert found["counts"] == {label: 1, "rejected": 1}

    path = tmp_path / "x.parquet"
    path.write_bytes(files.read("parquet/archive=one/000000.parquet"))
    with duckdb.connect() as database:
        read = database.sql(f"SELECT * FROM '{path}' ORDER BY clip_id")  # noqa: S608
        first, second = (dict(zip(read.columns, row, strict=True)) for row in read.fetchall())
    assert {
        name: first[name] for name in ("clip_id", "label", "confidence", "events", "heard")
    } == {name: rows[0][name] for name in ("clip_id", "label", "confidence", "events", "heard")}
    assert first["probabilities"] == rows[0]["probabilities"]
    assert first["timestamp"].isoformat(timespec="milliseconds") + "Z" == rows[0]["timestamp"]
    assert second["reason"] == rows[1]["reason"]
    assert second["label"] is None

    summary = summarize(files, "one")
    assert summary["missing_batches"] == 1
    assert (summary["planned"], summary["results"]) == (4, 2)
    assert summary["parquet"] == "s3://files/parquet/archive=one/"


def test_a_part_without_any_results_has_no_file(files):
    files.write_json("one", "parts/000000.json", {"batches": 2})
    assert write_part(files, "one", "archives/one/parts/000000.json")["counts"] == {}
    assert not files.exists("parquet/archive=one/000000.parquet")
