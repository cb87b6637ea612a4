"""Uploaded and posted clips in S3, as classify sees them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO, cast

from botocore.exceptions import ClientError

from earshot.audio.clip import ACCEPTED
from earshot.aws.errors import unavailable_on_failure
from earshot.classification.service import StoredClip
from earshot.errors import RejectedClipError
from earshot.uploads.objects import MAX_CLIP_BYTES, Upload, posted_key

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

_GONE = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed"}  # the last: a delete marker
_SPOOL_BYTES = 8 * 2**20  # larger clips go through a file in /tmp rather than through memory


class S3ClipStore:
    """Clips of one S3 client."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    @contextmanager
    def open(self, upload: Upload) -> Iterator[StoredClip]:
        """See `earshot.classification.service.ClipStore.open`."""
        if upload.size > MAX_CLIP_BYTES:
            raise RejectedClipError("too_large", f"The file has {upload.size} bytes. {ACCEPTED}")
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            with unavailable_on_failure("The uploads bucket"):
                answer = self._get(upload)
                shutil.copyfileobj(answer["Body"], file, 2**20)
            file.seek(0)
            yield StoredClip(cast(BinaryIO, file), answer["Metadata"])

    def _get(self, upload: Upload) -> GetObjectOutputTypeDef:
        try:
            if upload.version_id is None:
                return self._s3.get_object(Bucket=upload.bucket, Key=upload.key)
            return self._s3.get_object(
                Bucket=upload.bucket, Key=upload.key, VersionId=upload.version_id
            )
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                raise RejectedClipError(
                    "gone", "The object was deleted before it could be heard. Upload it again."
                ) from error
            raise


class S3PostedClips:
    """Posted clips, kept in a bucket.

    Args:
        s3: client.
        bucket: None keeps none.
    """

    def __init__(self, s3: S3Client, bucket: str | None) -> None:
        self._s3 = s3
        self._bucket = bucket

    def keep(self, clip_id: str, content: bytes) -> dict[str, str]:
        """See `earshot.classification.service.PostedClips.keep`."""
        if self._bucket is None:
            return {}
        # No version id: a clip that is sent again is the same clip, and old versions expire.
        place = {"bucket": self._bucket, "key": posted_key(clip_id)}
        with unavailable_on_failure("The uploads bucket"):
            self._s3.put_object(
                Bucket=place["bucket"], Key=place["key"], Body=content, ContentType="audio/wav"
            )
        return place
