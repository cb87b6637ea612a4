"""Classify uploads and posted clips, and keep the results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, BinaryIO, Protocol

from earshot.audio.clip import Clip
from earshot.audio.limits import POSTED, UPLOADED, Limits
from earshot.errors import PayloadTooLargeError, RejectedClipError, UnavailableError
from earshot.labels import Label
from earshot.results.result import Classification, Origin, Result, classified, rejected
from earshot.uploads.objects import (
    DEFAULT_SOURCE,
    KEEP_TAG,
    LABEL_TAG,
    ClipMetadata,
    Upload,
    object_clip_id,
    posted_clip_id,
    read_metadata,
)

if TYPE_CHECKING:
    from earshot.classification.classifier import Classifier
    from earshot.uploads.clip_store import S3ClipStore, S3PostedClips

_UPLOAD_INSTEAD = (
    "The clip takes longer than a request may. POST /uploads gives an address to upload it to."
)


class ResultStore(Protocol):
    """Keeps results: the results table, or nothing where an image is run by itself."""

    def save(self, result: Result, keep_days: int = 0) -> Result:
        """Keep a result unless its clip has one; returns the one that stands.

        Args:
            result: to keep.
            keep_days: days after which it is deleted, if sooner than others; 0 for as others.

        Raises:
            UnavailableError: the store failed; trying again may help.
        """


class ClassifyService:
    """Classifies clips and keeps results; a clip that cannot be classified is a result too.

    Args:
        classifier: to use.
        clips: where uploads lie.
        posted: keeps posted clips; None where none are kept.
        results: keeps results.
        now: the time.
        keeps_casual: whether posted clips are kept that are casual and not uncertain.
        retention: days that clips and results of a source are kept, if fewer than others; 0 for as
            many. See `earshot.sources.retention`.
    """

    def __init__(
        self,
        classifier: Classifier,
        clips: S3ClipStore,
        posted: S3PostedClips | None,
        results: ResultStore,
        now: Callable[[], datetime],
        keeps_casual: bool = True,
        retention: Callable[[str], int] = lambda _: 0,
    ) -> None:
        self._retention = retention
        self._keeps_casual = keeps_casual
        self._classifier = classifier
        self._clips = clips
        self._posted = posted
        self._results = results
        self._now = now

    def classify_upload(self, upload: Upload, source: str | None = None) -> Result:
        """Result of an uploaded clip, classified or rejected.

        Args:
            upload: the clip.
            source: of a clip whose metadata names none; None for the folder of the upload.

        Raises:
            UnavailableError: clip or result store failed; trying again may help.
        """
        origin = Origin(
            clip_id=object_clip_id(upload.location.bucket, upload.location.key, upload.version),
            source=source or upload.source,
            location=upload.location,
        )
        try:
            with self._clips.open(upload) as stored:
                origin = origin.with_metadata(read_metadata(stored.metadata))
                classification = self._classify(stored.content)
            return self._save(classification, origin)
        except RejectedClipError as error:
            return self._reject(origin, error)

    def tag_upload(self, upload: Upload, result: Result) -> None:
        """Tag an upload with its label, and with its source's days: by them it expires.

        Raises:
            UnavailableError: S3 failed.
        """
        tags = {}
        if result.classification:
            tags[LABEL_TAG] = str(result.classification.label)
        if days := self._retention(result.source):
            tags[KEEP_TAG] = str(days)
        if tags:
            self._clips.tag(upload, tags)

    def classify_posted(self, content: BinaryIO, request: str, metadata: ClipMetadata) -> Result:
        """Result of a posted clip, which is kept unless it is rejected.

        Args:
            content: the clip, seekable.
            request: the client's idempotency key, or else the request's own id.
            metadata: that the client sent with the clip.

        Raises:
            RejectedClipError: the clip cannot be classified; the rejection is kept.
            PayloadTooLargeError: it takes longer than a request may, but not than an upload may.
            UnavailableError: the result store failed.
        """
        clip = content.read()
        origin = Origin(posted_clip_id(request, clip), DEFAULT_SOURCE).with_metadata(metadata)
        content.seek(0)
        try:
            classification = self._classify(content, POSTED)
        except RejectedClipError as error:
            if error.code == "too_long":  # no rejection: an upload of it may be classified
                raise PayloadTooLargeError(f"{_UPLOAD_INSTEAD} {error.detail}") from error
            self._reject(origin, error)
            raise
        result = self._save(classification, self._kept(clip, origin, classification))
        # The result that stands may have feedback, which is not for devices to read.
        return replace(result, feedback=(), verified_label=None, alerted_at=None, muted_by={})

    def _classify(self, file: BinaryIO, limits: Limits = UPLOADED) -> Classification:
        with Clip(file, limits) as clip:
            return self._classifier.classify(clip)

    def _kept(self, clip: bytes, origin: Origin, classification: Classification) -> Origin:
        """Origin of a posted clip once it is kept. Its result matters more than the clip."""
        plain = classification.label is Label.CASUAL and not classification.uncertain
        if self._posted is None or (plain and not self._keeps_casual):
            return origin
        try:
            days = self._retention(origin.source)
            return replace(origin, location=self._posted.keep(origin.clip_id, clip, days))
        except UnavailableError:
            return replace(origin, warnings=(*origin.warnings, "the clip could not be kept"))

    def _save(self, classification: Classification, origin: Origin) -> Result:
        result = classified(origin, classification, self._now())
        return self._results.save(result, self._retention(origin.source))

    def _reject(self, origin: Origin, error: RejectedClipError) -> Result:
        return self._results.save(
            rejected(origin, error, self._now()), self._retention(origin.source)
        )
