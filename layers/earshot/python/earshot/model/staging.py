"""Files that were uploaded for a version which is to be published, each under its SHA-256."""

from __future__ import annotations

from typing import Any

from earshot.model.models_bucket import ModelsBucket
from earshot.model.versions import sha256_hex

STAGING_PREFIX = "publishing/"
FORM_LIFETIME_S = 3600
MAX_FILE_BYTES = 64 * 2**20  # each passes through the function's memory


class Staging(ModelsBucket):
    """Uploaded files; every method raises `UnavailableError` where S3 fails.

    The client signs with version 4 and knows the bucket's region.
    """

    def form(self, sha256: str) -> dict[str, Any]:
        """``url`` and ``fields`` of a form that uploads the file of this digest."""
        conditions: list[Any] = [["content-length-range", 1, MAX_FILE_BYTES]]
        form = self._s3.generate_presigned_post(
            self._bucket, _key(sha256), {}, conditions, ExpiresIn=FORM_LIFETIME_S
        )
        return {"url": form["url"], "fields": form["fields"]}

    def read(self, sha256: str) -> bytes | None:
        """The file of this digest; None if it was not uploaded, or something else was."""
        content = self._read(_key(sha256), MAX_FILE_BYTES)
        return content if content is not None and sha256_hex(content) == sha256 else None


def _key(sha256: str) -> str:
    return f"{STAGING_PREFIX}{sha256}"
