"""Labeled clips in the uploads bucket."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import RejectedClipError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ListObjectVersionsOutputTypeDef

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}


class LabeledClips:
    """Clips of one bucket, which keeps versions."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def under(self, prefix: str) -> Iterator[tuple[str, str, int]]:
        """Key, version id and size of each current object.

        Raises:
            UnavailableError: S3 failed.
        """
        for page in self._pages(prefix):
            yield from _current(page)

    def first_under(self, prefix: str, pages: int) -> tuple[list[tuple[str, str, int]], bool]:
        """As `under`, of so many pages of 1000 versions; and whether these are all.

        Raises:
            UnavailableError: S3 failed.
        """
        found: list[tuple[str, str, int]] = []
        for number, page in enumerate(self._pages(prefix), 1):
            found += _current(page)
            if number == pages:
                return found, not page["IsTruncated"]
        return found, True

    def read(self, key: str, version_id: str) -> bytes:
        """Content of one version.

        Raises:
            RejectedClipError: it was deleted meanwhile.
            UnavailableError: S3 failed.
        """
        with unavailable_on_failure("The uploads bucket"):
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=key, VersionId=version_id)[
                    "Body"
                ].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in _GONE:
                    raise RejectedClipError(
                        "gone", "The object was deleted before it was embedded."
                    ) from error
                raise

    def _pages(self, prefix: str) -> Iterator[ListObjectVersionsOutputTypeDef]:
        with unavailable_on_failure("The uploads bucket"):
            yield from self._s3.get_paginator("list_object_versions").paginate(
                Bucket=self._bucket, Prefix=prefix
            )


def _current(page: ListObjectVersionsOutputTypeDef) -> Iterator[tuple[str, str, int]]:
    for version in page.get("Versions", []):
        if version["IsLatest"]:
            yield version["Key"], version["VersionId"], version["Size"]
