"""Erase clips: the object in all its versions, the result, and what was learned from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from earshot.errors import NotFoundError
from earshot.labels import LABELS
from earshot.results.query import ResultQuery
from earshot.uploads.objects import (
    UPLOADS_PREFIX,
    object_clip_id,
    posted_key,
    training_key,
)

if TYPE_CHECKING:
    from earshot.results.result import Result
    from earshot.results.table import ResultsTable
    from earshot.uploads.bucket import UploadsBucket

CLIPS_A_CALL = 20  # within the 30 s of a request
# Of DynamoDB's continuous backups (Amazon DynamoDB Developer Guide, "Point-in-time recovery").
BACKUPS = timedelta(days=35)
STREAM = timedelta(hours=24)
DECISIONS = timedelta(days=2)  # as `earshot.alerts.delivery.DECISION_LIFETIME`


@dataclass(frozen=True)
class Remainder:
    """What is left of erased clips.

    Attributes:
        what: for a person.
        until: when it is gone; None where somebody has to delete it.
    """

    what: str
    until: datetime | None


@dataclass(frozen=True)
class Erasure:
    """What was erased.

    Attributes:
        clip_ids: of the clips.
        objects: keys of the objects, each with all its versions.
        remains: what is left.
        more: there is more of the source; the same call goes on.
    """

    clip_ids: tuple[str, ...]
    objects: tuple[str, ...]
    remains: tuple[Remainder, ...]
    more: bool = False


class Mutes(Protocol):
    """Mutes; see `earshot.alerts.mute_table.MutesTable`."""

    def delete(self, clip_id: str) -> object:
        """Delete the mute that a clip made. Raises `UnavailableError`."""

    def delete_source(self, source: str) -> None:
        """Delete all mutes of a source. Raises `UnavailableError`."""


class ErasureService:
    """Erases clips. A call that fails can be sent again and goes on where it stopped.

    Args:
        results: of the clips; a row is deleted last, since it says where the clip is.
        uploads: where clips and training copies are.
        forget: deletes the features of a clip that was trained on; returns the model versions that
            still hold them.
        mutes: made by feedback on clips, with embeddings of their events.
        log_days: for which logs are kept.
        now: the time.
    """

    def __init__(
        self,
        results: ResultsTable,
        uploads: UploadsBucket,
        forget: Callable[[str], list[str]],
        mutes: Mutes,
        log_days: int,
        now: Callable[[], datetime],
    ) -> None:
        self._results = results
        self._uploads = uploads
        self._forget = forget
        self._mutes = mutes
        self._log_days = log_days
        self._now = now

    def erase(self, clip_id: str) -> Erasure:
        """Erase a clip, and every other clip that lay under the same key.

        Raises:
            NotFoundError: there is nothing of that clip.
            UnavailableError: a store failed; the same call goes on.
        """
        work = self._work()
        work.erase(clip_id)
        if not work.clip_ids and not work.objects:
            raise NotFoundError(f"There is nothing of the clip {clip_id}.")
        return self._erasure(work)

    def erase_source(self, source: str) -> Erasure:
        """Erase up to `CLIPS_A_CALL` clips of a source, then the objects of its folder.

        Raises:
            UnavailableError: a store failed; the same call goes on.
        """
        work = self._work()
        page = self._results.find(ResultQuery(source=source), CLIPS_A_CALL, strict=True)
        for result in page.results:
            work.erase(result.clip_id)
        left = CLIPS_A_CALL - len(page.results)
        folder = f"{UPLOADS_PREFIX}{source}/"
        keys = self._uploads.keys(folder, left + 1) if page.end is None else []
        for key in keys[:left]:
            work.erase_key(key)
        self._mutes.delete_source(source)
        return self._erasure(work, more=page.end is not None or len(keys) > left)

    def _work(self) -> _Work:
        return _Work(self._results, self._uploads, self._forget, self._mutes)

    def _erasure(self, work: _Work, *, more: bool = False) -> Erasure:
        now = self._now()
        remains = [
            Remainder("continuous backups of the results table", now + BACKUPS),
            Remainder("logs: labels, sources, keys and times", now + timedelta(self._log_days)),
            Remainder("the stream of new results", now + STREAM),
            Remainder("decisions about alerts: clip id and label", now + DECISIONS),
        ]
        if work.alerted:
            remains.append(Remainder("alerts that were sent, with their recipients", None))
        if work.versions:
            named = ", ".join(sorted(work.versions))
            remains.append(
                Remainder(
                    f"features in the model versions {named}, which later versions do not get", None
                )
            )
        return Erasure(tuple(work.clip_ids), tuple(work.objects), tuple(remains), more)


class _Work:
    """What one call erases, and what it finds on the way."""

    def __init__(
        self,
        results: ResultsTable,
        uploads: UploadsBucket,
        forget: Callable[[str], list[str]],
        mutes: Mutes,
    ) -> None:
        self._results = results
        self._uploads = uploads
        self._forget = forget
        self._mutes = mutes
        self.clip_ids: list[str] = []
        self.objects: list[str] = []
        self.versions: set[str] = set()
        self.alerted = False

    def erase(self, clip_id: str) -> None:
        """Erase a clip by its id."""
        result = self._results.get(clip_id)
        if result and result.location and result.location.key.startswith(UPLOADS_PREFIX):
            self.erase_key(result.location.key)
        if clip_id not in self.clip_ids:
            self._erase_result(clip_id, result)

    def erase_key(self, key: str) -> None:
        """Erase an upload in all its versions, each of which is a clip."""
        versions = self._delete([key])[key]
        for clip_id in dict.fromkeys(
            object_clip_id(self._uploads.name, key, version) for version in versions
        ):
            self._erase_result(clip_id, self._results.get(clip_id))

    def _erase_result(self, clip_id: str, result: Result | None) -> None:
        copies = [training_key(label, clip_id) for label in LABELS]
        found = self._delete([posted_key(clip_id), *copies])
        if (result and result.feedback) or any(found[copy] for copy in copies):
            self.versions.update(self._forget(clip_id))
        self._mutes.delete(clip_id)
        self.alerted |= bool(result and result.alerted_at)
        if self._results.delete(clip_id):
            self._delete(copies)  # feedback may have come in between; from now on it is refused
            self.clip_ids.append(clip_id)
        elif any(found.values()):
            self.clip_ids.append(clip_id)

    def _delete(self, keys: Iterable[str]) -> dict[str, list[str]]:
        found = {key: self._uploads.erase(key) for key in keys}
        self.objects += [key for key, versions in found.items() if versions]
        return found
