"""The clips of an archive: a listing of a prefix in S3, or an S3 Inventory."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import BadRequestError
from earshot.uploads.objects import DEFAULT_SOURCE, Location, Upload, clean_source, object_clip_id

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True)
class ArchivedClip:
    """An object of an archive.

    Attributes:
        key: in the archive's bucket.
        etag: without quotes; it names the content.
        size: in bytes.
    """

    key: str
    etag: str
    size: int

    def upload(self, bucket: str) -> Upload:
        """The clip as classify reads it. A listing has no version, so its ETag is one."""
        return Upload(Location(bucket, self.key), self.etag, self.size)

    def clip_id(self, bucket: str) -> str:
        """Clip id of its result."""
        return object_clip_id(bucket, self.key, self.etag)

    def source(self, prefix: str) -> str:
        """Camera or site: the first folder below the prefix, if there is one."""
        folder, slash, _ = self.key.removeprefix(prefix).lstrip("/").partition("/")
        return clean_source(folder) if slash else DEFAULT_SOURCE


@dataclass(frozen=True)
class Stretch:
    """A part of the clips, and where the next one begins.

    Attributes:
        clips: in the order of the listing.
        cursor: for the next call; None if that was all.
    """

    clips: list[ArchivedClip]
    cursor: str | None


class ListedClips:
    """Clips under a prefix, a thousand at a time.

    Args:
        s3: client.
        bucket: of the archive.
        prefix: of its keys.
    """

    def __init__(self, s3: S3Client, bucket: str, prefix: str) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix

    def stretches(self, cursor: str | None) -> Iterator[Stretch]:
        """The clips from a cursor on, which is the last key before. Raises `UnavailableError`."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Prefix": self._prefix}
        if cursor:
            request["StartAfter"] = cursor
        pages = iter(self._s3.get_paginator("list_objects_v2").paginate(**request))
        while True:
            with unavailable_on_failure("The archive's bucket"):
                page = next(pages, None)
            if page is None:
                return
            entries = page.get("Contents", [])
            clips = [
                ArchivedClip(entry["Key"], entry["ETag"].strip('"'), entry["Size"])
                for entry in entries
            ]
            more = page.get("IsTruncated", False) and bool(entries)
            yield Stretch(_without_folders(clips), entries[-1]["Key"] if more else None)


class InventoriedClips:
    """Clips of an S3 Inventory in CSV, one of its files at a time.

    Args:
        s3: client.
        bucket: of the archive, which the inventory has to be about.
        prefix: of its keys.
        manifest: the inventory's ``manifest.json``.
    """

    def __init__(self, s3: S3Client, bucket: str, prefix: str, manifest: Location) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._prefix = prefix
        self._manifest = manifest

    def stretches(self, cursor: str | None) -> Iterator[Stretch]:
        """The clips from a cursor on; a cursor is the number of the next file.

        Raises:
            BadRequestError: the inventory is of another bucket, or lacks a column.
            UnavailableError: S3 failed.
        """
        manifest = json.loads(self._read(self._manifest.key))
        columns = [name.strip() for name in manifest["fileSchema"].split(",")]
        if manifest["fileFormat"] != "CSV" or not {"Key", "Size", "ETag"} <= set(columns):
            raise BadRequestError("The inventory has to be CSV, with the fields Size and ETag.")
        if manifest["sourceBucket"] != self._bucket:
            raise BadRequestError(f"The inventory is of the bucket {manifest['sourceBucket']}.")
        files = manifest["files"]
        for number in range(int(cursor or 0), len(files)):
            text = gzip.decompress(self._read(files[number]["key"])).decode()
            rows = (dict(zip(columns, row, strict=False)) for row in csv.reader(io.StringIO(text)))
            # Keys are URL-encoded there: "Amazon S3 Inventory" in the S3 User Guide.
            clips = [
                ArchivedClip(unquote_plus(row["Key"]), row["ETag"], int(row["Size"] or 0))
                for row in rows
                if row.get("IsLatest", "true") == "true"
                and row.get("IsDeleteMarker", "false") == "false"
            ]
            mine = [clip for clip in clips if clip.key.startswith(self._prefix)]
            more = number + 1 < len(files)
            yield Stretch(_without_folders(mine), str(number + 1) if more else None)

    def _read(self, key: str) -> bytes:
        with unavailable_on_failure("The inventory's bucket"):
            return self._s3.get_object(Bucket=self._manifest.bucket, Key=key)["Body"].read()


def _without_folders(clips: list[ArchivedClip]) -> list[ArchivedClip]:
    """The S3 console makes a folder by putting an empty object with such a name."""
    return [clip for clip in clips if not clip.key.endswith("/")]
