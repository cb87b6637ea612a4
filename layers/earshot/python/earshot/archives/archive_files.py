"""Files of an archive in S3: ``archives/<name>/…`` in the archives bucket.

| key, under ``archives/<name>/`` | content |
|---|---|
| ``archive.json`` | what was asked for |
| ``plan.json`` | how far the plan is |
| ``batches/<part>/<batch>.json`` | clips that one call classifies |
| ``parts/<part>.json`` | how many batches make one Parquet file |
| ``results/<part>/<batch>.jsonl.gz`` | results of a batch, one a line |
| ``counts/<part>.json`` | what the Parquet file of a part holds |
| ``summary.json`` | what came of it |

The Parquet files are in ``parquet/archive=<name>/<part>.parquet``, as Athena wants a partition.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import BadRequestError, NotFoundError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ARCHIVES_PREFIX, PARQUET_PREFIX = "archives/", "parquet/"
NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}"  # of an execution, and within a key
BATCHES, PARTS, RESULTS, COUNTS = "batches/", "parts/", "results/", "counts/"
ARCHIVE, PLAN, SUMMARY = "archive.json", "plan.json", "summary.json"
BATCHES_A_PART = 250  # 50,000 clips of 200 a batch make a Parquet file of some MB
_MISSING = {"NoSuchKey", "404"}


def check_name(name: Any) -> str:
    """The name of an archive; raises `BadRequestError` unless it is one."""
    if not isinstance(name, str) or not re.fullmatch(NAME_PATTERN, name):
        raise BadRequestError(
            f"{name!r} is no name of an archive: up to 80 letters, digits, - and _."
        )
    return name


def batch_file(number: int) -> str:
    """Name of the file of a batch, which are numbered from 0."""
    return f"{BATCHES}{part_of(number)}/{number:09d}.json"


def part_of(batch: int) -> str:
    """Name of the part that a batch is in."""
    return f"{batch // BATCHES_A_PART:06d}"


def results_file(batch_name: str) -> str:
    """Name of the file of a batch's results."""
    return f"{RESULTS}{batch_name.removeprefix(BATCHES).removesuffix('.json')}.jsonl.gz"


class ArchiveFiles:
    """Files of all archives; every method raises `UnavailableError` where S3 fails."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def key(self, archive: str, name: str) -> str:
        """Key of a file."""
        return f"{ARCHIVES_PREFIX}{archive}/{name}"

    def parquet_key(self, archive: str, part: str) -> str:
        """Key of the Parquet file of a part."""
        return f"{PARQUET_PREFIX}archive={archive}/{part}.parquet"

    def write(self, key: str, content: bytes) -> None:
        """Write a file, or overwrite it: a step that is tried again does the same again."""
        with unavailable_on_failure("The archives bucket"):
            self._s3.put_object(Bucket=self.bucket, Key=key, Body=content)

    def read(self, key: str) -> bytes:
        """Content of a file; raises `NotFoundError` if it is not there."""
        with unavailable_on_failure("The archives bucket"):
            try:
                return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _MISSING:
                    raise NotFoundError(f"{key} is not there.") from error
                raise

    def exists(self, key: str) -> bool:
        """Whether a file is there."""
        with unavailable_on_failure("The archives bucket"):
            try:
                self._s3.head_object(Bucket=self.bucket, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in _MISSING:
                    return False
                raise
        return True

    def keys(self, prefix: str, after: str = "") -> list[str]:
        """Keys with a prefix, in order, those up to `after` left out."""
        with unavailable_on_failure("The archives bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix, StartAfter=after
            )
            return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def delete(self, keys: Iterable[str]) -> None:
        """Delete files."""
        with unavailable_on_failure("The archives bucket"):
            for key in keys:
                self._s3.delete_object(Bucket=self.bucket, Key=key)

    def write_json(self, archive: str, name: str, document: Any) -> None:
        """Write a JSON file of an archive."""
        self.write(self.key(archive, name), json.dumps(document).encode())

    def read_json(self, archive: str, name: str) -> Any:
        """Document of a JSON file of an archive; raises `NotFoundError`."""
        return json.loads(self.read(self.key(archive, name)))

    def write_lines(self, archive: str, name: str, rows: Iterable[Any]) -> None:
        """Write JSON, one document a line, compressed."""
        text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        # Without a time in the header the same rows are the same file.
        self.write(self.key(archive, name), gzip.compress(text.encode(), mtime=0))
