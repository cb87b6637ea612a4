"""Objects of a bucket that keeps versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_KEYS_A_REQUEST = 1000  # of DeleteObjects and of a page of versions (Amazon S3 API Reference)


def delete_versions(s3: S3Client, bucket: str, key: str) -> list[str]:
    """Delete all versions of an object, delete markers too; returns the ids of the versions.

    Raises:
        UnavailableError: S3 failed; what is left can be deleted by the same call.
    """
    found: list[str] = []
    with unavailable_on_failure(f"The bucket {bucket}"):
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=key):
            versions: list[Any] = [v for v in page.get("Versions", []) if v["Key"] == key]
            markers: list[Any] = [m for m in page.get("DeleteMarkers", []) if m["Key"] == key]
            doomed: list[Any] = [
                {"Key": key, "VersionId": one["VersionId"]} for one in (*versions, *markers)
            ]
            found += [version["VersionId"] for version in versions]
            if doomed:
                answer = s3.delete_objects(
                    Bucket=bucket, Delete={"Objects": doomed[:_KEYS_A_REQUEST], "Quiet": True}
                )
                if errors := answer.get("Errors"):
                    raise UnavailableError(f"The bucket {bucket} did not delete: {errors[0]}")
    return found
