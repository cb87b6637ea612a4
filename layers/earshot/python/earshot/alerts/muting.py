"""Mute the sound of a clip that a person called casual."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from earshot.alerts.mutes import MAX_MUTES, Mute
from earshot.errors import ConflictError, NotFoundError
from earshot.times import whole_milliseconds

if TYPE_CHECKING:
    from earshot.alerts.mute_table import MutesTable
    from earshot.results.result import Result
    from earshot.results.table import ResultsTable


class MutingService:
    """Mutes sounds of a source.

    Args:
        results: of the clips, with the embeddings of their events.
        mutes: of all sources.
        lifetime: of a mute.
        now: the time.
    """

    def __init__(
        self,
        results: ResultsTable,
        mutes: MutesTable,
        lifetime: timedelta,
        now: Callable[[], datetime],
    ) -> None:
        self._results = results
        self._mutes = mutes
        self._lifetime = lifetime
        self._now = now

    def check(self, clip_id: str) -> Result:
        """Result of a clip whose sound can be muted.

        Raises:
            NotFoundError: the clip has no result.
            ConflictError: it has no event to mute, or its source has `MAX_MUTES` mutes.
            UnavailableError: a table failed.
        """
        result = self._results.get(clip_id)
        if result is None:
            raise NotFoundError(f"There is no result for the clip {clip_id}.")
        if not (result.classification and result.classification.embeddings):
            raise ConflictError(
                "No embedding of an event is kept with this result, so nothing like it can be "
                "muted. The correction alone can be given, without `mute_alike`."
            )
        others = {mute.clip_id for mute in self._mutes.of_source(result.source)} - {clip_id}
        if len(others) >= MAX_MUTES:
            raise ConflictError(
                f"The source {result.source} has {MAX_MUTES} mutes, and no more are kept. Remove "
                "one, or retrain on the corrections."
            )
        return result

    def mute(self, clip_id: str, by: str) -> Mute:
        """Mute the sound of a clip for its source. Again, it is muted for longer.

        Raises:
            NotFoundError: the clip has no result.
            ConflictError: see `check`.
            UnavailableError: a table failed.
        """
        result = self.check(clip_id)
        now = whole_milliseconds(self._now())
        mute = Mute(
            source=result.source,
            clip_id=clip_id,
            embeddings=result.classification.embeddings if result.classification else (),
            by=by,
            at=now,
            expires_at=now.replace(microsecond=0) + self._lifetime,
        )
        self._mutes.put(mute)
        return mute
