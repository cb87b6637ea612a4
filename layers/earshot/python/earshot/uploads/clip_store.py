"""Uploaded and posted clips in S3, for classify."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from botocore.exceptions import ClientError

from earshot.audio.limits import ACCEPTED
from earshot.aws.errors import unavailable_on_failure
from earshot.errors import RejectedClipError
from earshot.limits import MAX_CLIP_BYTES
from earshot.uploads.objects import KEEP_TAG, Location, Upload, posted_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import (
        GetObjectOutputTypeDef,
        GetObjectRequestTypeDef,
        TagTypeDef,
    )

# The last two: a delete marker, and an object that was overwritten.
_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "PreconditionFailed"}
_SPOOL_BYTES = 8 * 2**20  # larger clips go through a file in /tmp rather than through memory


@dataclass(frozen=True)
class StoredClip:
    """An upload, open for reading.

    Attributes:
        content: seekable.
        metadata: of the object, as its uploader set it.
    """

    content: BinaryIO
    metadata: dict[str, str]


class S3ClipStore:
    """Uploaded clips."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    @contextmanager
    def open(self, upload: Upload) -> Iterator[StoredClip]:
        """Content and metadata of an upload.

        Raises:
            RejectedClipError: it is gone or too large.
            UnavailableError: S3 failed; trying again may help.
        """
        if upload.size > MAX_CLIP_BYTES:
            raise RejectedClipError("too_large", f"The file has {upload.size} bytes. {ACCEPTED}")
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            with unavailable_on_failure("The uploads bucket"):
                answer = self._get(upload)
                shutil.copyfileobj(answer["Body"], file, 2**20)
            file.seek(0)
            yield StoredClip(cast(BinaryIO, file), answer["Metadata"])

    def tag(self, upload: Upload, tags: Mapping[str, str]) -> None:
        """Give an upload these tags, by which it expires. Raises `UnavailableError`."""
        request: Any = {"Bucket": upload.location.bucket, "Key": upload.location.key}
        if upload.location.version_id:
            request["VersionId"] = upload.location.version_id
        with unavailable_on_failure("The uploads bucket"):
            try:
                tag_set: list[TagTypeDef] = [
                    {"Key": name, "Value": value} for name, value in tags.items()
                ]
                self._s3.put_object_tagging(**request, Tagging={"TagSet": tag_set})
            except ClientError as error:
                if error.response["Error"]["Code"] not in _GONE:
                    raise

    def _get(self, upload: Upload) -> GetObjectOutputTypeDef:
        location = upload.location
        request: GetObjectRequestTypeDef = {"Bucket": location.bucket, "Key": location.key}
        if location.version_id:
            request["VersionId"] = location.version_id
        else:  # its clip id is of this content
            request["IfMatch"] = upload.version
        try:
            return self._s3.get_object(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise RejectedClipError(
                    "gone",
                    "The object was deleted or overwritten before it was classified. "
                    "Upload it again.",
                ) from error
            raise


class S3PostedClips:
    """Posted clips, kept so that people can listen to them and correct their results.

    Args:
        s3: client.
        bucket: that keeps them.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def keep(self, clip_id: str, content: bytes, keep_days: int = 0) -> Location:
        """Keep a clip, for so many days if that is fewer than usual; returns where.

        Raises:
            UnavailableError: S3 failed.
        """
        tagged: Any = {"Tagging": f"{KEEP_TAG}={keep_days}"} if keep_days else {}
        # No version id: a clip that is sent again is the same clip, and old versions expire.
        location = Location(self._bucket, posted_key(clip_id))
        with unavailable_on_failure("The uploads bucket"):
            self._s3.put_object(
                Bucket=location.bucket,
                Key=location.key,
                Body=content,
                ContentType="audio/wav",
                **tagged,
            )
        return location
