"""Objects of the models bucket, and the YAMNet flatbuffers among them.

What a version is made of is written once and never again, with ``If-None-Match: *``. A flatbuffer
is kept once for all versions that were trained with it: ``yamnet/<SHA-256>.tflite``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import ConflictError, ModelError
from earshot.model.versions import MAX_YAMNET_BYTES, sha256_hex

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

YAMNET_PREFIX = "yamnet/"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_MISSING = {"NoSuchKey", "404"}
# 412: the condition does not hold; 409: two conditional writes of one key met.
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class ModelsBucket:
    """The models bucket; every method raises `UnavailableError` where S3 fails."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def keep_yamnet(self, flatbuffer: bytes) -> str:
        """Keep a YAMNet flatbuffer, unless it is kept already; its SHA-256."""
        sha256 = sha256_hex(flatbuffer)
        self._write_once(yamnet_key(sha256), flatbuffer)
        return sha256

    def read_yamnet(self, sha256: str) -> bytes:
        """A YAMNet flatbuffer by its SHA-256, verified.

        Raises:
            ModelError: it is missing, altered, or larger than `MAX_YAMNET_BYTES`.
        """
        if not _SHA256.fullmatch(sha256):
            raise ModelError(f"{sha256!r} is no SHA-256 of a YAMNet flatbuffer")
        content = self._read(yamnet_key(sha256), MAX_YAMNET_BYTES)
        if content is None:
            raise ModelError(f"the YAMNet flatbuffer {sha256} is missing")
        if sha256_hex(content) != sha256:
            raise ModelError(f"the YAMNet flatbuffer {sha256} was altered")
        return content

    def exists(self, key: str) -> bool:
        """Whether there is an object under a key of the models bucket."""
        with unavailable_on_failure("The models bucket"):
            try:
                self._s3.head_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return False
                raise
        return True

    def _read(self, key: str, most: int | None = None) -> bytes | None:
        with unavailable_on_failure("The models bucket"):
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=key)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            if most is not None and found["ContentLength"] > most:
                raise ModelError(f"{key} has {found['ContentLength']} bytes, over {most}")
            return found["Body"].read()

    def _write_once(self, key: str, content: bytes) -> bool:
        """Write an object that is not there yet; False if it is."""
        with unavailable_on_failure("The models bucket"):
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
            except ClientError as error:
                if is_lost_race(error):
                    return False
                raise
        return True

    def _write_unchanged(self, key: str, content: bytes) -> None:
        if not self._write_once(key, content) and self._read(key) != content:
            raise ConflictError(f"{key} exists and has other content; versions do not change.")


def is_missing(error: ClientError) -> bool:
    """Whether S3 answered that there is no such object."""
    return error.response["Error"]["Code"] in _MISSING


def is_lost_race(error: ClientError) -> bool:
    """Whether S3 refused a conditional write because another came first."""
    return error.response["Error"]["Code"] in _LOST


def yamnet_key(sha256: str) -> str:
    """Key of a YAMNet flatbuffer."""
    return f"{YAMNET_PREFIX}{sha256}.tflite"
