"""What becomes of feedback, with stores that live in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from earshot.errors import ConflictError, NotFoundError, UnavailableError
from earshot.labels import Label
from earshot.results.feedback import FeedbackService
from earshot.results.item import LabeledRow
from earshot.results.result import Feedback, Result
from earshot.results.training_copies import TrainingCopies
from earshot.uploads.objects import Location
from tests.unit.sample_results import LOCATION, classified, rejected

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)


class Results(dict[str, Result]):
    overtaken = False

    def add_feedback(self, clip_id: str, feedback: Feedback, n_before: int) -> bool:
        result = self[clip_id]
        if self.overtaken or len(result.feedback) != n_before:
            return False
        history = (*result.feedback, feedback)
        self[clip_id] = replace(result, feedback=history, verified_label=feedback.label)
        return True

    def remove_last_feedback(self, clip_id: str, history: tuple[Feedback, ...]) -> bool:
        result = self[clip_id]
        if self.overtaken or result.feedback != history:
            return False
        left = history[:-1]
        verified = left[-1].label if left else None
        self[clip_id] = replace(result, feedback=left, verified_label=verified)
        return True

    def labeled(self, clip_ids: list[str]) -> dict[str, LabeledRow]:
        rows = {one: self[one] for one in clip_ids if one in self}
        return {one: LabeledRow(row.verified_label, row.location) for one, row in rows.items()}


class Clips:
    name = "clips"

    def __init__(self) -> None:
        self.uploads = {LOCATION}
        self.training: set[str] = set()
        self.fails = False

    def copy(self, location: Location, key: str) -> bool:
        if self.fails:
            raise UnavailableError("The uploads bucket is not available at the moment")
        if location not in self.uploads and location.key not in self.training:
            return False
        self.training.add(key)
        return True

    def newest_version(self, key: str) -> Location | None:
        return Location(self.name, key) if key in self.training else None

    def exists(self, key: str) -> bool:
        return key in self.training

    def delete(self, keys: list[str]) -> None:
        self.training -= set(keys)


@pytest.fixture
def results() -> Results:
    return Results({"c1": classified("c1")})


@pytest.fixture
def clips() -> Clips:
    return Clips()


@pytest.fixture
def service(results: Any, clips: Any) -> FeedbackService:
    return FeedbackService(results, TrainingCopies(results, clips), lambda: NOW)


def test_a_correction_is_kept_and_becomes_training_data(service, results, clips):
    review = service.give("c1", Label.GUNSHOT, "three shots", "ann")
    assert review.training_key == "training/gunshot/corrections/c1.wav"
    assert clips.training == {"training/gunshot/corrections/c1.wav"}
    assert results["c1"].verified_label is Label.GUNSHOT
    assert results["c1"].classification.label is Label.SIREN, "the classification stays"
    assert review.label is Label.SIREN
    given = Feedback(Label.GUNSHOT, False, "three shots", "ann", NOW)
    assert review.feedback == results["c1"].feedback == (given,)


def test_the_same_again_changes_nothing(service, results):
    first = service.give("c1", Label.GUNSHOT, "", "ann")
    assert service.give("c1", Label.GUNSHOT, "", "ann") == first
    assert service.give("c1", Label.GUNSHOT, "", "bob") != first, "another person's word counts"


def test_a_clip_is_training_data_under_its_latest_label_only(service, clips):
    service.give("c1", Label.GUNSHOT, "", "ann")
    review = service.give("c1", Label.SIREN, "", "ann")
    assert [one.confirmed for one in review.feedback] == [False, True]
    assert clips.training == {"training/siren/corrections/c1.wav"}


def test_feedback_whose_copy_failed_is_finished_when_it_is_sent_again(service, results, clips):
    clips.fails = True
    with pytest.raises(UnavailableError):
        service.give("c1", Label.GUNSHOT, "", "ann")
    clips.fails = False
    service.give("c1", Label.GUNSHOT, "", "ann")
    assert clips.training == {"training/gunshot/corrections/c1.wav"}
    assert len(results["c1"].feedback) == 1


def test_a_clip_that_is_not_kept_or_gone_is_no_training_data(service, results, clips):
    results["c2"] = classified("c2", location=None)
    assert service.give("c2", Label.GUNSHOT, "", "ann").training_key is None
    clips.uploads.clear()
    assert service.give("c1", Label.GUNSHOT, "", "ann").training_key is None


def test_a_clip_whose_upload_has_expired_keeps_its_training_copy_under_the_new_label(
    service, clips
):
    service.give("c1", Label.GUNSHOT, "", "ann")
    clips.uploads.clear()
    review = service.give("c1", Label.SIREN, "", "ann")
    assert clips.training == {review.training_key} == {"training/siren/corrections/c1.wav"}


def test_who_comes_second_gets_a_conflict(service, results):
    results.overtaken = True
    with pytest.raises(ConflictError, match="same time"):
        service.give("c1", Label.GUNSHOT, "", "ann")


def test_nothing_and_a_rejected_clip_take_no_feedback(service, results):
    with pytest.raises(NotFoundError):
        service.give("c9", Label.GUNSHOT, "", "ann")
    results["c3"] = rejected("c3")
    with pytest.raises(ConflictError, match="rejected"):
        service.give("c3", Label.GUNSHOT, "", "ann")


def test_withdrawn_feedback_gives_way_to_the_one_before_and_at_last_to_none(
    service, results, clips
):
    service.give("c1", Label.CASUAL, "", "ann")
    service.give("c1", Label.SIREN, "", "ann")
    assert service.withdraw("c1", "ann").training_key == "training/casual/corrections/c1.wav"
    assert clips.training == {"training/casual/corrections/c1.wav"}
    review = service.withdraw("c1", "ann")
    assert (review.feedback, review.training_key, clips.training) == ((), None, set())
    assert results["c1"].verified_label is None


def test_a_withdrawal_that_is_sent_again_takes_back_no_other_feedback(service, results):
    """As the client sends a request again whose answer was lost."""
    service.give("c1", Label.CASUAL, "", "ann")
    first = results["c1"].feedback[0]
    second = replace(first, label=Label.SIREN, at=first.at + timedelta(minutes=1))
    results["c1"] = replace(results["c1"], feedback=(first, second))
    for _ in range(2):
        assert service.withdraw("c1", "ann", second.at).feedback == (first,)
    results["c1"] = replace(results["c1"], feedback=(first, second))
    with pytest.raises(ConflictError):
        service.withdraw("c1", "ann", first.at)


def test_nobody_withdraws_what_is_not_theirs_or_not_there(service, results):
    with pytest.raises(ConflictError, match="not yours"):
        service.withdraw("c1", "ann")
    service.give("c1", Label.CASUAL, "", "bob")
    with pytest.raises(ConflictError, match="not yours"):
        service.withdraw("c1", "ann")
    results.overtaken = True
    with pytest.raises(ConflictError, match="at the same time"):
        service.withdraw("c1", "bob")
