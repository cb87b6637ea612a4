"""An archive on a local stack: its clips, its run, and what came of it."""

from __future__ import annotations

import gzip
import json
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import duckdb
import numpy as np
import psutil

from earshot.archives.archived_clips import ArchivedClip
from local.clients import local_session
from tests.clips import wav

PATIENCE_S = 900


class ArchiveRun:
    """Clients of the emulator, and the names of a stack.

    Args:
        outputs: of the stack.
        pid: of the emulator.
    """

    def __init__(self, outputs: dict[str, Any], pid: int) -> None:
        self._outputs, self._pid = outputs, pid
        session = local_session()

        def client(service: Any) -> Any:
            return session.client(service, endpoint_url=outputs["endpoint"])

        self.s3, self.machine, self.dynamodb = (
            client("s3"),
            client("stepfunctions"),
            client("dynamodb"),
        )
        self.bucket, self.archives = outputs["UploadsBucketName"], outputs["ArchivesBucketName"]

    def start(self, asked: dict[str, Any]) -> str:
        """Start a run; returns its ARN."""
        answer = self.machine.start_execution(
            stateMachineArn=self._outputs["ArchiveStateMachineArn"],
            name=f"{asked['name']}-{time.time_ns()}",
            input=json.dumps({"bucket": self.bucket, **asked}),
        )
        return str(answer["executionArn"])

    def finish(self, execution: str) -> dict[str, Any]:
        """Wait until a run ends; its summary."""
        deadline = time.monotonic() + PATIENCE_S
        while (found := self.machine.describe_execution(executionArn=execution))[
            "status"
        ] == "RUNNING":
            assert time.monotonic() < deadline, "the run did not end"
            time.sleep(0.2)
        assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
        summary: dict[str, Any] = json.loads(found["output"])
        return summary

    def kill_workers(self, execution: str, after: list[int]) -> int:
        """Kill a function at work each time that so many clips are done; how many were killed."""
        killed = 0
        deadline = time.monotonic() + PATIENCE_S
        while killed < len(after) and time.monotonic() < deadline:
            status = self.machine.describe_execution(executionArn=execution)["status"]
            if status != "RUNNING":
                break
            if self.rows() >= after[killed]:
                workers = [p for p in psutil.Process(self._pid).children() if _classifies(p)]
                if workers:
                    max(workers, key=_seconds).kill()
                    killed += 1
            time.sleep(0.05)
        return killed

    def rows(self) -> int:
        """Rows of the results table."""
        count = self.dynamodb.scan(TableName=self._outputs["ResultsTableName"], Select="COUNT")
        return int(count["Count"])

    def figures(self, archive: str, prefix: str = "archive/") -> dict[str, int]:
        """What was lost and doubled, in the table, the JSON and the Parquet files."""
        expected = {clip.clip_id(self.bucket) for clip in self.clips(prefix)}
        rows = Counter(self._table(archive))
        lines = Counter(
            json.loads(line)["clip_id"]
            for key in self._keys(f"archives/{archive}/results/")
            for line in gzip.decompress(self._read(key)).splitlines()
        )
        parquet = Counter(row["clip_id"] for row in self.parquet(archive))
        found = {"rows": rows, "JSON": lines, "Parquet": parquet}
        return {
            "expected": len(expected),
            **{name: counts.total() for name, counts in found.items()},
            "lost": sum(len(expected - counts.keys()) for counts in found.values()),
            "doubled": sum(counts.total() - len(counts) for counts in found.values()),
            "others": sum(len(counts.keys() - expected) for counts in found.values()),
        }

    def clips(self, prefix: str) -> list[ArchivedClip]:
        """The objects under a prefix of the uploads bucket."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [
            ArchivedClip(entry["Key"], entry["ETag"].strip('"'), entry["Size"])
            for page in pages
            for entry in page.get("Contents", [])
        ]

    def parquet(self, archive: str) -> list[dict[str, Any]]:
        """Rows of an archive's Parquet files, as another program reads them."""
        rows: list[dict[str, Any]] = []
        for key in self._keys(f"parquet/archive={archive}/"):
            with (
                tempfile.NamedTemporaryFile(suffix=".parquet") as file,
                duckdb.connect() as database,
            ):
                file.write(self._read(key))
                file.flush()
                found = database.sql(f"SELECT * FROM '{file.name}'")  # noqa: S608
                rows += [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
        return rows

    def _table(self, archive: str) -> list[str]:
        pages = self.dynamodb.get_paginator("scan").paginate(
            TableName=self._outputs["ResultsTableName"]
        )
        return [
            item["clip_id"]["S"]
            for page in pages
            for item in page["Items"]
            if item.get("archive") == {"S": archive}
        ]

    def _keys(self, prefix: str) -> list[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.archives, Prefix=prefix
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def _read(self, key: str) -> bytes:
        content: bytes = self.s3.get_object(Bucket=self.archives, Key=key)["Body"].read()
        return content


def put_clips(run: ArchiveRun, prefix: str, n: int) -> None:
    """Put half a second of noise, another one each time, from ten sources."""

    def put(i: int) -> None:
        noise = 0.1 * np.random.default_rng(i).standard_normal(8000)
        run.s3.put_object(
            Bucket=run.bucket, Key=f"{prefix}gate {i % 10}/{i:05d}.wav", Body=wav(noise)
        )

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, range(n)))


def _classifies(worker: psutil.Process) -> bool:
    try:
        return "earshot_classify.archive.lambda_handler" in worker.cmdline()
    except psutil.NoSuchProcess:
        return False


def _seconds(worker: psutil.Process) -> float:
    try:
        return float(worker.cpu_times().user)
    except psutil.NoSuchProcess:
        return 0.0
