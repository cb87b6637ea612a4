"""Training copies of clips that people have labeled; they agree with the rows of the results."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from earshot.errors import ConflictError, NotFoundError
from earshot.labels import CORRECTIONS_FOLDER, LABELS, Label
from earshot.uploads.objects import TRAINING_PREFIX, Location, training_key

if TYPE_CHECKING:
    from earshot.results.item import LabeledRow
    from earshot.results.table import ResultsTable
    from earshot.uploads.bucket import UploadsBucket

_ROUNDS = 10  # each is feedback of somebody else that came in between
_CLIP_ID = re.compile(r"[0-9a-f]{32}")


class TrainingCopies:
    """Copies of labeled clips, one a clip, under the label that its row states.

    The row is the truth. Whoever changes a copy reads the row afterwards, and begins again if it
    says something else by then. So, whichever calls run at once, the last of them leaves the copy
    that the row states. A call that crashes may leave others, until the next feedback of the clip
    (`settle`) or the sweep (`repair`).
    """

    def __init__(self, results: ResultsTable, uploads: UploadsBucket) -> None:
        self._results = results
        self._uploads = uploads

    def add(self, clip_id: str, label: Label, location: Location | None) -> bool:
        """Copy a clip unless it is there; False if it is not kept anywhere.

        A clip whose upload has expired is copied from the copy that it has, or had, under another
        label.

        Raises:
            UnavailableError: S3 failed.
        """
        key = training_key(label, clip_id)
        if self._uploads.exists(key):
            return True
        return any(self._uploads.copy(source, key) for source in self._sources(clip_id, location))

    def settle(self, clip_id: str) -> str | None:
        """Make the copies of a clip agree with its row; key of its copy, None without.

        Raises:
            ConflictError: feedback of others came in between, again and again.
            NotFoundError: the clip has no result any more.
            UnavailableError: a store failed.
        """
        row = self._row(clip_id)
        for _ in range(_ROUNDS):
            kept = bool(row.label and self.add(clip_id, row.label, row.location))
            for key in (training_key(other, clip_id) for other in LABELS if other != row.label):
                if self._uploads.exists(key):  # S3 would note the deletion of nothing, too
                    self._uploads.delete([key])
            before, row = row, self._row(clip_id)
            if row == before:
                return training_key(row.label, clip_id) if row.label and kept else None
        raise ConflictError("Others give feedback to this clip all the time; send it again.")

    def forget(self, clip_id: str) -> None:
        """Erase all copies of a clip that was erased. Raises `UnavailableError`."""
        for label in LABELS:
            self._uploads.erase(training_key(label, clip_id))

    def repair(self) -> tuple[str, ...]:
        """Settle each clip whose copies do not agree with its row; their ids.

        The copy of a clip whose row has expired is kept.

        Raises:
            UnavailableError: a store failed; what was settled so far is.
        """
        copies: dict[str, set[Label]] = defaultdict(set)
        for label in LABELS:
            folder = f"{TRAINING_PREFIX}{label}/{CORRECTIONS_FOLDER}/"
            for key, is_current in self._uploads.versions(folder):
                clip_id = PurePosixPath(key).stem
                if _CLIP_ID.fullmatch(clip_id) and key == training_key(label, clip_id):
                    copies[clip_id] |= {label} if is_current else set()
        rows = self._results.labeled(sorted(copies))
        doubtful = [
            clip_id
            for clip_id, row in rows.items()
            if copies[clip_id] != ({row.label} if row.label else set())
        ]
        for clip_id in doubtful:
            # Those who give feedback, or erase the clip, do it.
            with suppress(ConflictError, NotFoundError):
                self.settle(clip_id)
        return tuple(doubtful)

    def _sources(self, clip_id: str, location: Location | None) -> Iterator[Location]:
        if location:
            yield location
        for label in LABELS:
            if found := self._uploads.newest_version(training_key(label, clip_id)):
                yield found

    def _row(self, clip_id: str) -> LabeledRow:
        try:
            return self._results.labeled([clip_id])[clip_id]
        except KeyError:
            raise NotFoundError(f"There is no result for the clip {clip_id} any more.") from None
