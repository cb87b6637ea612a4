"""What people say of results: a confirmation, or a correction, and training data either way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from earshot.errors import ConflictError, NotFoundError
from earshot.labels import LABELS, Label
from earshot.results.result import Result
from earshot.times import format_time
from earshot.uploads.objects import training_key

Feedback = dict[str, Any]


class ResultHistory(Protocol):
    """Results that remember what was said of them."""

    def get(self, clip_id: str) -> Result | None:
        """Result of a clip; raises `UnavailableError`."""

    def add_feedback(self, clip_id: str, feedback: Feedback, n_before: int) -> bool:
        """Add to a result's history and set its `verified_label`.

        Returns False, and changes nothing, unless there are `n_before` in the history.

        Raises:
            UnavailableError: the store failed.
        """


class TrainingClips(Protocol):
    """Clips whose labels people have given."""

    def copy(self, place: dict[str, str], key: str) -> bool:
        """Copy an uploaded clip there; False if it is gone. Raises `UnavailableError`."""

    def delete(self, keys: list[str]) -> None:
        """Delete what is there of these. Raises `UnavailableError`."""


class FeedbackService:
    """Takes feedback: keeps its history and the training data that follows from it.

    The history is written first, under a condition, so that concurrent feedback has one order;
    the training data is then made to agree with it. Whoever is told that this failed sends the
    same again, which repeats the second half and adds nothing to the history.
    """

    def __init__(
        self, results: ResultHistory, clips: TrainingClips, now: Callable[[], datetime]
    ) -> None:
        self._results = results
        self._clips = clips
        self._now = now

    def give(self, clip_id: str, label: Label, comment: str, by: str) -> Feedback:
        """Record the label that a person gives a clip.

        A label that was heard is a confirmation, any other a correction. The clip is training
        data from now on, under the label of the latest feedback only. A clip that is not
        kept, or no longer, cannot be.

        Raises:
            NotFoundError: the clip has no result.
            ConflictError: the clip was rejected, or others give feedback at this very moment.
            UnavailableError: a store failed; the same feedback can be sent again.
        """
        result = self._result(clip_id)
        history: list[Feedback] = result.get("feedback", [])
        said = {
            "label": str(label),
            "verdict": "confirmed" if label == result["label"] else "corrected",
            "comment": comment,
            "by": by,
        }
        if not history or history[-1] != {**said, "at": history[-1]["at"]}:
            entry = {**said, "at": format_time(self._now())}
            if not self._results.add_feedback(clip_id, entry, len(history)):
                raise ConflictError("Somebody else gave feedback to this clip at the same time.")
            history = [*history, entry]
        return {
            "clip_id": clip_id,
            "label": result["label"],
            "verified_label": str(label),
            "training_key": self._learn(result, label),
            "feedback": history,
        }

    def _result(self, clip_id: str) -> Result:
        result = self._results.get(clip_id)
        if result is None:
            raise NotFoundError(f"There is no result for the clip {clip_id}.")
        if result["status"] != "classified":
            raise ConflictError(
                "The clip was rejected and nothing was heard, so there is nothing to correct."
            )
        return result

    def _learn(self, result: Result, label: Label) -> str | None:
        """Key of the clip as training data; None if the clip is not kept."""
        if "key" not in result:
            return None
        clip_id = result["clip_id"]
        self._clips.delete([training_key(other, clip_id) for other in LABELS if other != label])
        place: dict[str, str] = {
            name: result[name] for name in ("bucket", "key", "version_id") if name in result
        }
        key = training_key(label, clip_id)
        return key if self._clips.copy(place, key) else None
