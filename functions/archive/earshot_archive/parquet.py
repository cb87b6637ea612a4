"""Write the results of one part of an archive as Parquet, by DuckDB."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import duckdb

from earshot.archives.archive_files import COUNTS, PARTS, RESULTS, ArchiveFiles

# As AWS::Glue::Table in the template has them; a test compares both. Times are text in JSON, in
# ISO 8601.
COLUMNS = {
    "clip_id": "VARCHAR",
    "source": "VARCHAR",
    "bucket": "VARCHAR",
    "key": "VARCHAR",
    "recorded_at": "TIMESTAMP",
    "timestamp": "TIMESTAMP",
    "status": "VARCHAR",
    "label": "VARCHAR",
    "confidence": "DOUBLE",
    "probabilities": ("STRUCT(casual DOUBLE, gunshot DOUBLE, explosion DOUBLE, siren DOUBLE)"),
    "uncertain": "BOOLEAN",
    "events": "STRUCT(label VARCHAR, start_s DOUBLE, end_s DOUBLE, confidence DOUBLE)[]",
    "event_count": "INTEGER",
    "heard": 'STRUCT("name" VARCHAR, score DOUBLE)[]',
    "duration_s": "DOUBLE",
    "warnings": "VARCHAR[]",
    "reason": "STRUCT(code VARCHAR, detail VARCHAR)",
    "model_version": "VARCHAR",
    "model_sha256": "VARCHAR",
}
_READERS = 16  # threads


def write_part(files: ArchiveFiles, archive: str, part_key: str) -> dict[str, Any]:
    """Write the Parquet file of a part, and what it holds; returns the latter.

    Args:
        files: of archives.
        archive: name.
        part_key: key of the part's file.
    """
    part = part_key.removeprefix(files.key(archive, PARTS)).removesuffix(".json")
    planned = files.read_json(archive, f"{PARTS}{part}.json")["batches"]
    with tempfile.TemporaryDirectory() as folder:
        keys = files.keys(files.key(archive, f"{RESULTS}{part}/"))

        def fetch(key: str) -> None:
            (Path(folder) / key.rpartition("/")[2]).write_bytes(files.read(key))

        with ThreadPoolExecutor(_READERS) as pool:
            list(pool.map(fetch, keys))
        counts: dict[str, int] = {}
        if keys:
            counts = _convert(Path(folder))
            content = (Path(folder) / "part.parquet").read_bytes()
            files.write(files.parquet_key(archive, part), content)
    found = {"part": part, "planned": planned, "batches": len(keys), "counts": counts}
    files.write_json(archive, f"{COUNTS}{part}.json", found)
    return found


def _convert(folder: Path) -> dict[str, int]:
    """Convert all JSON files of a folder; returns the number of clips by label or status."""
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in COLUMNS.items())
    with duckdb.connect(config={"memory_limit": "1GB", "temp_directory": str(folder)}) as database:
        # Sorted, so that a query for one source reads few row groups.
        # Of the columns above and a folder of our own, which takes no parameters.
        read = (
            f"SELECT * FROM read_json('{folder}/*.jsonl.gz', "  # noqa: S608 # nosec B608
            f"format = 'newline_delimited', columns = {{{columns}}}) ORDER BY source, key"
        )
        database.execute(f"CREATE TABLE results AS {read}")
        database.execute(
            f"COPY results TO '{folder}/part.parquet' (FORMAT parquet, COMPRESSION zstd)"
        )
        rows = database.execute("SELECT coalesce(label, status), count(*) FROM results GROUP BY 1")
        return dict(sorted(rows.fetchall()))
