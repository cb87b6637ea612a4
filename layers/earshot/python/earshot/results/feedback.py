"""Feedback: people confirm or correct results, and their clips become training data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from earshot.errors import ConflictError, NotFoundError
from earshot.labels import Label
from earshot.results.result import Classification, Feedback, Result

if TYPE_CHECKING:
    from earshot.results.table import ResultsTable
    from earshot.results.training_copies import TrainingCopies


@dataclass(frozen=True)
class Review:
    """A result after feedback.

    Attributes:
        clip_id: of the result.
        label: of the classification.
        feedback: all of it, oldest first.
        training_key: of the clip as training data; None if the clip is not kept.
    """

    clip_id: str
    label: Label
    feedback: tuple[Feedback, ...]
    training_key: str | None


class FeedbackService:
    """Keeps feedback with the results, and the training copies that follow from it.

    The clip is copied first and the history written next, under a condition, so that concurrent
    feedback has one order; the copies are then made to agree with it. After a failure the same
    feedback can be sent again, which adds nothing to the history.
    """

    def __init__(
        self, results: ResultsTable, copies: TrainingCopies, now: Callable[[], datetime]
    ) -> None:
        self._results = results
        self._copies = copies
        self._now = now

    def give(self, clip_id: str, label: Label, comment: str, by: str) -> Review:
        """Record the label that a person gives a clip.

        The label of the classification is a confirmation, any other a correction. The clip is
        training data from now on, under the label of the latest feedback only, whoever gave it.

        Raises:
            NotFoundError: the clip has no result.
            ConflictError: the clip was rejected, or other feedback was given at the same time.
            UnavailableError: a store failed; the same feedback can be sent again.
        """
        result, classification = self._result(clip_id)
        history = result.feedback
        new = Feedback(label, label == classification.label, comment, by, self._now())
        if not history or replace(history[-1], at=new.at) != new:
            self._copies.add(clip_id, label, result.location)
            if not self._results.add_feedback(clip_id, new, len(history)):
                self._settle(clip_id)
                raise ConflictError("Somebody else gave feedback to this clip at the same time.")
            history = (*history, new)
        return Review(clip_id, classification.label, history, self._settle(clip_id))

    def withdraw(self, clip_id: str, by: str, at: datetime | None = None) -> Review:
        """Take back the last feedback that a clip was given, by whoever gave it.

        Args:
            clip_id: of the clip.
            by: who asks.
            at: time of that feedback: sent again, the request then takes back no other. None takes
                back whatever is the last.

        Raises:
            NotFoundError: the clip has no result.
            ConflictError: the last feedback is somebody else's, or there is none, or the clip was
                rejected, or other feedback was given at the same time.
            UnavailableError: a store failed; the same can be sent again.
        """
        result, classification = self._result(clip_id)
        history = result.feedback
        if at is not None and at not in {one.at for one in history}:  # taken back before
            return Review(clip_id, classification.label, history, self._settle(clip_id))
        if not history or history[-1].by != by or at not in {None, history[-1].at}:
            raise ConflictError("The last feedback on the clip is not yours to withdraw.")
        if not self._results.remove_last_feedback(clip_id, history):
            raise ConflictError("Somebody else gave feedback to this clip at the same time.")
        return Review(clip_id, classification.label, history[:-1], self._settle(clip_id))

    def _settle(self, clip_id: str) -> str | None:
        try:
            return self._copies.settle(clip_id)
        except NotFoundError:  # erased meanwhile, perhaps before this call copied it
            self._copies.forget(clip_id)
            raise

    def _result(self, clip_id: str) -> tuple[Result, Classification]:
        result = self._results.get(clip_id)
        if result is None:
            raise NotFoundError(f"There is no result for the clip {clip_id}.")
        if result.classification is None:
            raise ConflictError("The clip was rejected, so it has no label to confirm or correct.")
        return result, result.classification
