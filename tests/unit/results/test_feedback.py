"""What becomes of feedback, with stores that live in memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from earshot.errors import ConflictError, NotFoundError, UnavailableError
from earshot.labels import Label
from earshot.results.feedback import FeedbackService

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
HEARD = {
    "clip_id": "c1",
    "status": "classified",
    "label": "siren",
    "bucket": "clips",
    "key": "incoming/a.wav",
    "version_id": "v1",
}


class Results(dict[str, dict[str, Any]]):
    overtaken = False

    def get(self, clip_id: str) -> dict[str, Any] | None:  # type: ignore[override]
        return dict(self[clip_id]) if clip_id in self else None

    def add_feedback(self, clip_id: str, feedback: dict[str, Any], n_before: int) -> bool:
        history = self[clip_id].get("feedback", [])
        if self.overtaken or len(history) != n_before:
            return False
        self[clip_id] |= {"feedback": [*history, feedback], "verified_label": feedback["label"]}
        return True


class Clips:
    def __init__(self) -> None:
        self.uploads = {("clips", "incoming/a.wav", "v1")}
        self.training: set[str] = set()
        self.fails = False

    def copy(self, place: dict[str, str], key: str) -> bool:
        if self.fails:
            raise UnavailableError("The uploads bucket is not available at the moment")
        if tuple(place.values()) not in self.uploads:
            return False
        self.training.add(key)
        return True

    def delete(self, keys: list[str]) -> None:
        self.training -= set(keys)


@pytest.fixture
def results() -> Results:
    return Results({"c1": dict(HEARD)})


@pytest.fixture
def clips() -> Clips:
    return Clips()


@pytest.fixture
def service(results: Results, clips: Clips) -> FeedbackService:
    return FeedbackService(results, clips, lambda: NOW)


def test_a_correction_is_kept_and_becomes_training_data(service, results, clips):
    answer = service.give("c1", Label.GUNSHOT, "heard it", "ann")
    assert answer["training_key"] == "training/gunshot/corrections/c1.wav"
    assert clips.training == {"training/gunshot/corrections/c1.wav"}
    assert results["c1"]["verified_label"] == "gunshot"
    assert results["c1"]["label"] == "siren", "what was heard stays"
    said = {"label": "gunshot", "verdict": "corrected", "comment": "heard it", "by": "ann"}
    assert results["c1"]["feedback"] == [{**said, "at": "2026-01-31T12:00:00.000Z"}]


def test_the_same_again_changes_nothing(service, results):
    first = service.give("c1", Label.GUNSHOT, "", "ann")
    assert service.give("c1", Label.GUNSHOT, "", "ann") == first
    assert service.give("c1", Label.GUNSHOT, "", "bob") != first, "another person's word counts"


def test_a_clip_is_training_data_under_its_latest_label_only(service, clips):
    service.give("c1", Label.GUNSHOT, "", "ann")
    answer = service.give("c1", Label.SIREN, "", "ann")
    assert [said["verdict"] for said in answer["feedback"]] == ["corrected", "confirmed"]
    assert clips.training == {"training/siren/corrections/c1.wav"}


def test_feedback_whose_copy_failed_is_finished_when_it_is_sent_again(service, results, clips):
    clips.fails = True
    with pytest.raises(UnavailableError):
        service.give("c1", Label.GUNSHOT, "", "ann")
    clips.fails = False
    service.give("c1", Label.GUNSHOT, "", "ann")
    assert clips.training == {"training/gunshot/corrections/c1.wav"}
    assert len(results["c1"]["feedback"]) == 1


def test_a_clip_that_is_not_kept_or_gone_is_no_training_data(service, results, clips):
    results["c2"] = {"clip_id": "c2", "status": "classified", "label": "siren"}
    assert service.give("c2", Label.GUNSHOT, "", "ann")["training_key"] is None
    clips.uploads.clear()
    assert service.give("c1", Label.GUNSHOT, "", "ann")["training_key"] is None


def test_who_comes_second_is_told(service, results):
    results.overtaken = True
    with pytest.raises(ConflictError, match="same time"):
        service.give("c1", Label.GUNSHOT, "", "ann")


def test_nothing_and_a_rejected_clip_take_no_feedback(service, results):
    with pytest.raises(NotFoundError):
        service.give("c9", Label.GUNSHOT, "", "ann")
    results["c3"] = {"clip_id": "c3", "status": "rejected"}
    with pytest.raises(ConflictError, match="rejected"):
        service.give("c3", Label.GUNSHOT, "", "ann")
