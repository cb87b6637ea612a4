"""The uploads bucket for all but classify: presigned forms and links, training data."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, BinaryIO

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.aws.versions import delete_versions
from earshot.limits import MAX_CLIP_BYTES
from earshot.uploads.objects import UPLOADS_PREFIX, Location, StoredUpload, Upload

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CopySourceTypeDef

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}  # the last: a delete marker


class UploadsBucket:
    """The uploads bucket.

    Args:
        s3: client that signs with version 4 and knows the bucket's region.
        name: of the bucket.
    """

    def __init__(self, s3: S3Client, name: str) -> None:
        self._s3 = s3
        self.name = name

    def presign(
        self, key: str, content_type: str, metadata: dict[str, str], lifetime: timedelta
    ) -> dict[str, Any]:
        """``url`` and ``fields`` of a form that uploads this key, of up to `MAX_CLIP_BYTES`."""
        fields = {"Content-Type": content_type}
        fields |= {f"x-amz-meta-{name}": value for name, value in metadata.items()}
        conditions: list[Any] = [{name: value} for name, value in fields.items()]
        # S3 itself refuses what is larger, or empty.
        conditions.append(["content-length-range", 1, MAX_CLIP_BYTES])
        form = self._s3.generate_presigned_post(
            self.name, key, fields, conditions, ExpiresIn=int(lifetime.total_seconds())
        )
        return {"url": form["url"], "fields": form["fields"]}

    def link(self, location: Location, lifetime: timedelta) -> str:
        """Presigned address of a clip, valid for `lifetime`."""
        return self._s3.generate_presigned_url(
            "get_object", Params=_object(location), ExpiresIn=int(lifetime.total_seconds())
        )

    def uploads(self) -> Iterator[StoredUpload]:
        """All versions of the objects under ``incoming/``. Raises `UnavailableError`."""
        for version in self._versions(UPLOADS_PREFIX):
            key, version_id = version["Key"], version["VersionId"]
            if not key.endswith("/"):  # a folder that the S3 console made
                upload = Upload(Location(self.name, key, version_id), version_id, version["Size"])
                yield StoredUpload(upload, version["LastModified"])

    def keys(self, prefix: str, limit: int) -> list[str]:
        """At most so many keys that begin so, deleted ones that have versions too.

        Raises:
            UnavailableError: S3 failed.
        """
        found: dict[str, None] = {}
        with unavailable_on_failure("The uploads bucket"):
            pages = self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self.name, Prefix=prefix
            )
            for page in pages:
                entries: list[Any] = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                found |= dict.fromkeys(entry["Key"] for entry in entries)
                if len(found) >= limit:
                    break
        return list(found)[:limit]

    def erase(self, key: str) -> list[str]:
        """Delete an object in all its versions; their ids. Raises `UnavailableError`."""
        return delete_versions(self._s3, self.name, key)

    def put(self, key: str, content: bytes) -> None:
        """Write a clip under a key. Raises `UnavailableError`."""
        with unavailable_on_failure("The uploads bucket"):
            self._s3.put_object(Bucket=self.name, Key=key, Body=content, ContentType="audio/wav")

    def copy(self, location: Location, key: str) -> bool:
        """Copy a clip to a key; False if it is gone. Raises `UnavailableError`."""
        source = _object(location)
        with unavailable_on_failure("The uploads bucket"):
            try:
                # Without tags, which say when an upload expires, and would need permissions.
                self._s3.copy_object(
                    Bucket=self.name, Key=key, CopySource=source, TaggingDirective="REPLACE"
                )
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return False
                raise
        return True

    def exists(self, key: str) -> bool:
        """Whether there is an object under a key. Raises `UnavailableError`."""
        with unavailable_on_failure("The uploads bucket"):
            try:
                self._s3.head_object(Bucket=self.name, Key=key)
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return False
                raise
        return True

    def is_there(self, location: Location) -> bool:
        """Whether a clip is there, in the version that is meant. Raises `UnavailableError`."""
        with unavailable_on_failure("The uploads bucket"):
            try:
                self._s3.head_object(**_object(location))
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE | {"405"}:
                    return False
                raise
        return True

    def fetch(self, location: Location, file: BinaryIO) -> bool:
        """Write a clip to a file; False if it is gone. Raises `UnavailableError`."""
        with unavailable_on_failure("The uploads bucket"):
            try:
                answer = self._s3.get_object(**_object(location))
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    return False
                raise
            shutil.copyfileobj(answer["Body"], file, 2**20)
        return True

    def versions(self, prefix: str) -> Iterator[tuple[str, bool]]:
        """Key of each version of the objects that begin so, and whether it is the current one.

        Raises:
            UnavailableError: S3 failed.
        """
        return ((version["Key"], version["IsLatest"]) for version in self._versions(prefix))

    def newest_version(self, key: str) -> Location | None:
        """The newest version of an object, deleted or not; None if it has none.

        Raises:
            UnavailableError: S3 failed.
        """
        for version in self._versions(key):
            if version["Key"] == key:
                return Location(self.name, key, version["VersionId"])
        return None

    def _versions(self, prefix: str) -> Iterator[Any]:
        """Versions of the objects that begin so; of one object the newest first."""
        with unavailable_on_failure("The uploads bucket"):
            pages = self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self.name, Prefix=prefix
            )
            for page in pages:
                yield from page.get("Versions", [])

    def delete(self, keys: list[str]) -> None:
        """Delete those of these objects that exist. Raises `UnavailableError`."""
        with unavailable_on_failure("The uploads bucket"):
            for key in keys:
                self._s3.delete_object(Bucket=self.name, Key=key)


def _object(location: Location) -> CopySourceTypeDef:
    """Bucket, key and version as boto3 names them."""
    found: CopySourceTypeDef = {"Bucket": location.bucket, "Key": location.key}
    if location.version_id:
        found["VersionId"] = location.version_id
    return found
