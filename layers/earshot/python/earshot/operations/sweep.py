"""The sweep: uploads whose message was lost are queued again, training copies set right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, TypeVar

from earshot.uploads.objects import StoredUpload, Upload

if TYPE_CHECKING:
    from earshot.operations.queues import SqsQueues
    from earshot.results.table import ResultsTable
    from earshot.results.training_copies import TrainingCopies
    from earshot.uploads.bucket import UploadsBucket
    from earshot.uploads.queue import UploadsQueue

# Five tries of a message take two minutes, or twenty if each of them crashes.
MIN_AGE = timedelta(minutes=25)
# An upload that fails for good is swept a few times, and ends up in the dead letter queue as often.
MAX_AGE = timedelta(hours=3)
# While more wait, what has no result is late rather than lost.
MAX_WAITING = 100
_BATCH = 1000
_NAMED = 20  # keys that a report names

Item = TypeVar("Item")


@dataclass(frozen=True)
class SweepReport:
    """What a sweep found.

    Attributes:
        uploads: versions of objects of that age under ``incoming/``.
        lost: keys of those that have no result.
        queued: how many of them were queued again.
        waiting: messages in the uploads queue, before the sweep.
        relabeled: ids of clips whose training copies did not agree with their result.
    """

    uploads: int
    lost: tuple[str, ...]
    queued: int
    waiting: int
    relabeled: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """JSON object; it names some of what was found."""
        return {
            "uploads": self.uploads,
            "without_result": len(self.lost),
            "queued": self.queued,
            "waiting": self.waiting,
            "relabeled": len(self.relabeled),
            "keys": self.lost[:_NAMED],
        }


class Sweep:
    """Compares the uploads bucket with the results table.

    S3 and SQS deliver each message at least once, but a message can still be lost: the queue was
    purged, the notification was taken off the bucket, a dead letter was deleted. A sweep may run at
    any time and any number of times: the first result of a clip stands.

    Args:
        bucket, results, copies, queue, depths: at AWS.
        now: the time.
    """

    def __init__(
        self,
        bucket: UploadsBucket,
        results: ResultsTable,
        copies: TrainingCopies,
        queue: UploadsQueue,
        depths: SqsQueues,
        now: Callable[[], datetime],
    ) -> None:
        self._bucket = bucket
        self._results = results
        self._copies = copies
        self._queue = queue
        self._depths = depths
        self._now = now

    def run(self, min_age: timedelta = MIN_AGE, max_age: timedelta = MAX_AGE) -> SweepReport:
        """Queue again what has no result, unless much is waiting; repair training copies.

        Args:
            min_age: younger uploads are left to their own message.
            max_age: older ones are not looked up; results may have expired by then.

        Raises:
            UnavailableError: an AWS service failed; what was queued so far is classified.
        """
        now = self._now()
        waiting = sum(self._depths.depths().values())
        uploads, queued = 0, 0
        lost: list[str] = []
        for batch in _batches(self._bucket.uploads(), _BATCH):
            old_enough = [s for s in batch if min_age <= now - s.modified <= max_age]
            uploads += len(old_enough)
            missing = self._without_result(old_enough)
            lost += [upload.location.key for upload in missing]
            if missing and waiting <= MAX_WAITING:
                self._queue.announce(missing)
                queued += len(missing)
        return SweepReport(
            uploads=uploads,
            lost=tuple(lost),
            queued=queued,
            waiting=waiting,
            relabeled=self._copies.repair(),
        )

    def _without_result(self, stored: list[StoredUpload]) -> list[Upload]:
        # One clip may have several versions: a form that was used twice. Any of them will do.
        by_clip = {one.clip_id: one.upload for one in stored}
        known = self._results.with_result(list(by_clip))
        return [upload for clip_id, upload in by_clip.items() if clip_id not in known]


def _batches(items: Iterator[Item], size: int) -> Iterator[list[Item]]:
    while batch := list(islice(items, size)):
        yield batch
