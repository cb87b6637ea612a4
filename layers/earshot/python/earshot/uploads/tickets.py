"""Tickets: presigned forms with which clients upload clips straight to S3."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from earshot.labels import Label
from earshot.limits import MAX_CLIP_BYTES
from earshot.times import format_time
from earshot.uploads.objects import (
    HELD_OUT_PREFIX,
    RECORDED_AT_METADATA,
    TRAINING_PREFIX,
    issue_key,
    object_clip_id,
)

if TYPE_CHECKING:
    from earshot.uploads.bucket import UploadsBucket

TICKET_LIFETIME = timedelta(hours=1)


class TicketOffice:
    """Issues tickets for uploads of up to 100 MB."""

    def __init__(self, bucket: UploadsBucket, now: Callable[[], datetime]) -> None:
        self._bucket = bucket
        self._now = now

    def issue(
        self, source: str | None, recorded_at: datetime | None, content_type: str
    ) -> dict[str, Any]:
        """A ticket for one upload, with the id under which its result will appear.

        The source becomes the folder of the key; see `object_clip_id` for the id.
        """
        key = issue_key(source)
        metadata = {RECORDED_AT_METADATA: format_time(recorded_at)} if recorded_at else {}
        clip_id = object_clip_id(self._bucket.name, key)
        return {
            "clip_id": clip_id,
            "result": f"/results/{clip_id}",
            **self._form(key, content_type, metadata),
        }

    def issue_training_clip(self, label: Label, batch: str, *, held_out: bool) -> dict[str, Any]:
        """A ticket for one labeled clip.

        Args:
            label: of the clip.
            batch: folder for clips that belong together.
            held_out: it is for the held-out set, not for training.
        """
        prefix = f"{HELD_OUT_PREFIX if held_out else TRAINING_PREFIX}{batch}/"
        key = f"{prefix}{label}/{uuid.uuid4().hex}.wav"
        return {"key": key, "prefix": prefix, **self._form(key, "audio/wav", {})}

    def _form(self, key: str, content_type: str, metadata: dict[str, str]) -> dict[str, Any]:
        return {
            **self._bucket.presign(key, content_type, metadata, TICKET_LIFETIME),
            "max_bytes": MAX_CLIP_BYTES,
            "expires_at": format_time(self._now() + TICKET_LIFETIME),
        }
