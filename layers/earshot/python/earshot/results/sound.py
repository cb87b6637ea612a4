"""The sound of a result: the whole clip, or one of its events."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, BinaryIO, cast

from earshot.errors import GoneError, NotFoundError
from earshot.results.result import Rejection, Result
from earshot.uploads.objects import Location

if TYPE_CHECKING:
    from earshot.results.table import ResultsTable
    from earshot.uploads.bucket import UploadsBucket

# Of presigned addresses that the API gives out or redirects to.
SOUND_LINK_LIFETIME = timedelta(hours=1)
# Before and after an event.
MARGIN_S = 2.0
# 16 kHz PCM of so many seconds is 3.84 MB, and 5.1 MB as base64: Lambda answers with 6 MB.
MAX_EVENT_S = 120.0
_SPOOL_BYTES = 8 * 2**20  # larger clips go through a file in /tmp rather than through memory


class ClipSounds:
    """Sound of clips.

    Args:
        results: the table.
        uploads: the bucket.
    """

    def __init__(self, results: ResultsTable, uploads: UploadsBucket) -> None:
        self._results = results
        self._uploads = uploads

    def clip_url(self, clip_id: str) -> str:
        """Address of the clip as it was sent, good for `SOUND_LINK_LIFETIME`.

        Raises:
            NotFoundError: the clip has no result, or was rejected, or is not kept.
            GoneError: it was deleted, or has expired.
            UnavailableError: a store failed.
        """
        _, location = self._kept(clip_id)
        if not self._uploads.is_there(location):
            raise _gone(clip_id)
        return self._uploads.link(location, SOUND_LINK_LIFETIME)

    def event_wav(
        self, clip_id: str, number: int, cut: Callable[[BinaryIO, float, float], bytes]
    ) -> bytes:
        """An event of a clip with `MARGIN_S` around it, `MAX_EVENT_S` at most, as a WAV.

        Args:
            clip_id: of the clip.
            number: of the event in the clip's result, from 1 on.
            cut: `earshot.audio.excerpt.excerpt`.

        Raises:
            NotFoundError: as for `clip_url`, or there is no such event.
            GoneError: as for `clip_url`.
            RejectedClipError: the clip cannot be decoded any more.
            UnavailableError: a store failed.
        """
        result, location = self._kept(clip_id)
        events = result.classification.events if result.classification else ()
        if not 1 <= number <= len(events):
            there = f"has {len(events)}, from 1 on" if events else "has none"
            raise NotFoundError(f"There is no event {number}: the clip {clip_id} {there}.")
        event = events[number - 1]
        start, end = event.start_s - MARGIN_S, event.end_s + MARGIN_S
        with tempfile.SpooledTemporaryFile(_SPOOL_BYTES) as file:
            content = cast(BinaryIO, file)
            if not self._uploads.fetch(location, content):
                raise _gone(clip_id)
            content.seek(0)
            return cut(content, start, min(end, max(start, 0.0) + MAX_EVENT_S))

    def _kept(self, clip_id: str) -> tuple[Result, Location]:
        result = self._results.get(clip_id)
        if result is None:
            raise NotFoundError(
                f"There is no result for the clip {clip_id}: it was erased, has expired, or was "
                "never classified here."
            )
        if isinstance(result.outcome, Rejection):
            raise NotFoundError(
                f"There is no sound to play: the clip {clip_id} was rejected. "
                f"{result.outcome.detail}"
            )
        if result.location is None:
            raise NotFoundError(
                f"The clip {clip_id} was posted and not kept; PostedClipDays says for how long "
                "such clips are."
            )
        return result, result.location


def _gone(clip_id: str) -> GoneError:
    return GoneError(
        f"The clip {clip_id} is deleted: it has expired, or somebody deleted it. UploadDays, "
        "CasualUploadDays and PostedClipDays say for how long clips are kept."
    )
