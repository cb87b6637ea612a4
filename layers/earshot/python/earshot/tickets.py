"""Addresses to upload a clip to: what `POST /uploads` gives."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Protocol

from earshot.uploads import (
    MAX_CLIP_BYTES,
    RECORDED_AT_METADATA,
    format_time,
    issue_key,
    object_clip_id,
)

TICKET_LIFETIME = timedelta(hours=1)


class PresignsUploads(Protocol):
    """The uploads bucket, as far as tickets need it."""

    @property
    def name(self) -> str:
        """Of the bucket."""

    def presign(
        self, key: str, content_type: str, metadata: dict[str, str], lifetime: timedelta
    ) -> dict[str, Any]:
        """``url`` and ``fields`` of a form that uploads this key of up to `MAX_CLIP_BYTES`."""


class TicketOffice:
    """Issues tickets for uploads of up to 100 MB straight to S3."""

    def __init__(self, bucket: PresignsUploads, now: Callable[[], datetime]) -> None:
        self._bucket = bucket
        self._now = now

    def issue(
        self, source: str | None, recorded_at: datetime | None, content_type: str
    ) -> dict[str, Any]:
        """A ticket for one upload, with the id under which its result will appear.

        The source becomes the folder of the key; see `earshot.uploads.object_clip_id` for the id.
        """
        key = issue_key(source)
        metadata = {RECORDED_AT_METADATA: format_time(recorded_at)} if recorded_at else {}
        clip_id = object_clip_id(self._bucket.name, key)
        return {
            "clip_id": clip_id,
            "result": f"/results/{clip_id}",
            **self._bucket.presign(key, content_type, metadata, TICKET_LIFETIME),
            "max_bytes": MAX_CLIP_BYTES,
            "expires_at": format_time(self._now() + TICKET_LIFETIME),
        }
