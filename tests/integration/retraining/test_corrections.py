"""On a fresh stack, with the model that comes with Earshot, a correction teaches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from earshot.labels import Label
from local.demos.teach import Desk, FalseAlarm, again, false_alarms, made_up
from tests.clips import wav
from tests.stack import LocalStack, up
from training.data.demo_sounds import siren

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A fresh stack: the suite's own one has other corrections in its bucket."""
    with up(tmp_path_factory.mktemp("corrections")) as stack:
        yield stack


@pytest.fixture(scope="module")
def desk(stack: LocalStack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(stack.outputs, tmp_path_factory.mktemp("desk"))
    yield desk
    desk.client.http.close()


@pytest.fixture(scope="module")
def alarms(desk: Desk) -> list[FalseAlarm]:
    """Five clips of everyday sound that are labeled a threat, and corrected."""
    found = false_alarms(desk, made_up())
    for alarm in found:
        desk.client.feedback(alarm.clip_id, Label.CASUAL)
    return found


@pytest.fixture(scope="module")
def retrained(stack: LocalStack, desk: Desk, alarms: list[FalseAlarm]) -> dict[str, Any]:
    """How a retraining ended, among whose clips are some that cannot be used."""
    s3 = stack.client("s3")
    both = wav(siren(2.0, seed=99))
    for key, content in {
        "training/siren/empty.wav": b"",
        "training/casual/notes.txt": b"no sound",
        "training/siren/both.wav": both,
        "training/gunshot/both.wav": both,
    }.items():
        s3.put_object(Bucket=stack.outputs["UploadsBucketName"], Key=key, Body=content)
    return desk.retrain()


def test_the_first_corrections_can_be_learned_without_held_out_clips_of_ones_own(retrained):
    assert retrained["state"] == "promoted", retrained["reasons"]
    checks = {check["name"]: check for check in retrained["decision"]["checks"]}
    assert checks["held-out clips"]["candidate"] >= 150
    assert checks["recall of siren"]["passed"]
    assert checks["false alarms per hour"]["passed"]


def test_the_outcome_gives_for_each_corrected_clip_what_it_was_and_is(retrained, alarms):
    corrections = retrained["corrections"]
    assert (corrections["count"], corrections["not_used"]) == (5, 0)
    assert corrections["correct_before"] == 0
    assert corrections["correct"] >= 4
    assert {clip["clip_id"] for clip in corrections["clips"]} == {one.clip_id for one in alarms}
    was = {clip["clip_id"]: clip["was"]["label"] for clip in corrections["clips"]}
    assert was == {one.clip_id: one.was.label for one in alarms}


def test_no_clip_is_dropped_without_a_word(retrained):
    left_out = {clip["key"]: clip["reason"] for clip in retrained["left_out"]["clips"]}
    assert retrained["left_out"]["count"] == len(left_out)
    assert "training/siren/empty.wav" in left_out
    assert left_out["training/casual/notes.txt"] == "its key states no label"
    contradicted = next(key for key in left_out if key.endswith("both.wav"))
    assert left_out[contradicted] == "labeled both gunshot and siren"


def test_the_new_version_classifies_them_correctly_and_so_when_they_come_back(
    desk: Desk, retrained: dict[str, Any], alarms: list[FalseAlarm]
):
    desk.until_served_by(retrained["version"], alarms[0].waveform)
    now = [desk.classify(one.waveform)[1].label for one in alarms]
    assert now.count(Label.CASUAL) >= 4
    back = [desk.classify(again(one.waveform))[1].label for one in alarms]
    assert back.count(Label.CASUAL) >= 4


def test_a_siren_is_still_a_siren(desk: Desk, retrained: dict[str, Any]):
    _, classification = desk.classify(siren(6.0).astype("float32"))
    assert classification.label is Label.SIREN
    assert classification.model_version == retrained["version"]


def test_retraining_once_more_is_no_promotion(desk: Desk, retrained: dict[str, Any]):
    again = desk.retrain()
    assert again["state"] == "unchanged", again["reasons"]
    assert again["champion"] == retrained["version"]
    assert "nothing new to learn" in again["reasons"][0]
