"""What classify does: hear an upload or a posted clip, and keep the result."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO, Protocol

from earshot.audio.clip import Clip
from earshot.classification.classifier import Classification, Classifier
from earshot.errors import RejectedClipError, UnavailableError
from earshot.results import result
from earshot.results.result import Result
from earshot.uploads.objects import (
    DEFAULT_SOURCE,
    Description,
    Upload,
    describe,
    object_clip_id,
    posted_clip_id,
)


@dataclass(frozen=True)
class StoredClip:
    """An upload, open for reading.

    Attributes:
        content: seekable.
        metadata: of the object, as its uploader set it.
    """

    content: BinaryIO
    metadata: dict[str, str]


class ClipStore(Protocol):
    """Where uploads lie."""

    def open(self, upload: Upload) -> AbstractContextManager[StoredClip]:
        """Content and metadata of an upload.

        Raises:
            RejectedClipError: it is gone or too large.
            UnavailableError: the store failed; trying again may help.
        """


class PostedClips(Protocol):
    """Where posted clips are kept, so that people can listen to them and correct what was heard."""

    def keep(self, clip_id: str, content: bytes) -> dict[str, str]:
        """Keep a clip; returns what finds it again, or nothing where no posted clips are kept.

        Raises:
            UnavailableError: the store failed.
        """


class ResultStore(Protocol):
    """Where results are kept."""

    def save(self, result: Result) -> Result:
        """Keep a result unless its clip has one; returns the one that stands.

        Raises:
            UnavailableError: the store failed; trying again may help.
        """


class ClassifyService:
    """Hears clips and keeps results. A clip at fault is a result too: a rejection."""

    def __init__(
        self,
        classifier: Classifier,
        clips: ClipStore,
        posted: PostedClips,
        results: ResultStore,
        now: Callable[[], datetime],
    ) -> None:
        self._classifier = classifier
        self._clips = clips
        self._posted = posted
        self._results = results
        self._now = now

    def hear_upload(self, upload: Upload) -> Result:
        """Result of an uploaded clip, classified or rejected.

        Raises:
            UnavailableError: clip or result store failed; the upload should be heard again later.
        """
        origin = result.Origin(
            clip_id=object_clip_id(upload.bucket, upload.key, upload.version),
            source=upload.source,
            place=upload.place,
        )
        try:
            with self._clips.open(upload) as stored:
                origin = origin.described(describe(stored.metadata))
                classification = self._hear(stored.content)
            return self._save(classification, origin)
        except RejectedClipError as error:
            return self._results.save(result.rejected(origin, error, self._now()))

    def hear_posted(self, content: BinaryIO, request: str, said: Description) -> Result:
        """Result of a posted clip, which is kept unless it is at fault.

        Args:
            content: the clip, seekable.
            request: the client's idempotency key, or else the request's own id.
            said: what the client says of the recording.

        Raises:
            RejectedClipError: the clip is at fault; the rejection is kept.
            UnavailableError: the result store failed.
        """
        clip = content.read()
        origin = result.Origin(
            clip_id=posted_clip_id(request, clip), source=DEFAULT_SOURCE, place={}
        ).described(said)
        content.seek(0)
        try:
            classification = self._hear(content)
        except RejectedClipError as error:
            self._results.save(result.rejected(origin, error, self._now()))
            raise
        return self._save(classification, self._kept(clip, origin))

    def _hear(self, file: BinaryIO) -> Classification:
        with Clip(file) as clip:
            return self._classifier.classify(clip)

    def _kept(self, clip: bytes, origin: result.Origin) -> result.Origin:
        """Origin of a posted clip once it is kept. What was heard counts more than the clip."""
        try:
            return replace(origin, place=self._posted.keep(origin.clip_id, clip))
        except UnavailableError:
            return replace(origin, warnings=(*origin.warnings, "the clip could not be kept"))

    def _save(self, classification: Classification, origin: result.Origin) -> Result:
        return self._results.save(
            result.classified(origin, classification, self._classifier.model, self._now())
        )
