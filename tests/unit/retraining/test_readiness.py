"""What is known of a retraining before it starts, from the buckets, against moto's S3."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from earshot.errors import RetrainingRefusedError, RetrainingRunningError
from earshot.labels import LABELS
from earshot.model.registry import ModelRegistry
from earshot.model.versions import sha256_hex
from earshot.retraining import readiness
from earshot.retraining.labeled_clips import LabeledClips
from earshot.retraining.plan import Request
from earshot.retraining.readiness import CUT, DRAWN, NO_CHAMPION, NOTHING_NEW, Readiness
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import ListedExecution
from tests.unit.retraining.stage import NOW, Stage

ENOUGH = dict.fromkeys(map(str, LABELS), 5)  # 20 held-out clips


def outlook(stage: Stage, **request: Any) -> readiness.Outlook:
    return ready(stage).outlook(Request(**request))


def ready(stage: Stage) -> Readiness:
    return Readiness(LabeledClips(stage.s3, "clips"), stage.registry)


def champion(stage: Stage, dataset: dict[str, Any], **manifest: Any) -> None:
    """Promote a version v2 with this dataset."""
    content = json.dumps(dataset).encode()
    document = {"version": "v2", "files": {"dataset.json": sha256_hex(content)}, **manifest}
    stage.registry.publish(
        "v2", {"dataset.json": content, "manifest.json": json.dumps(document).encode()}
    )
    stage.registry.promote("v2", by="setup", reason="second", force=True)


def entry(stage: Stage, key: str, label: str) -> dict[str, str]:
    """Entry of a dataset: the present version of an object."""
    version_id = stage.s3.head_object(Bucket="clips", Key=key)["VersionId"]
    return {
        "key": key,
        "version_id": version_id,
        "label": label,
        "sha256": sha256_hex(key.encode()),
    }


def of_release(n: int) -> dict[str, Any]:
    """What a release that was trained on n clips lists about them: neither key nor version."""
    return {"n_learnt_from": n, "learnt_from": [{"sha256": "0" * 64, "label": "siren"}] * n}


def test_a_correction_is_enough_where_a_release_has_brought_held_out_clips(stage):
    champion(stage, of_release(3), held_out=ENOUGH)
    stage.upload("training/casual/corrections/c1.wav")
    found = outlook(stage)
    assert (found.reasons, found.notes) == ((), ())
    assert (found.champion, found.corrections, found.new_clips) == ("v2", 1, 1)
    assert found.clips == {"casual": 1, "gunshot": 0, "explosion": 0, "siren": 0}
    assert (found.held_out, found.released_held_out) == (ENOUGH, 20)
    ready(stage).require(Request())


def test_without_held_out_clips_it_is_refused_in_the_words_of_the_gate(stage):
    stage.upload("training/casual/corrections/c1.wav", "heldout/siren/s1.wav")
    (reason,) = outlook(stage).reasons
    assert reason.startswith("There are only 1 held-out clips; at least 20, and 3 of each label")
    with pytest.raises(RetrainingRefusedError, match="only 1 held-out clips"):
        ready(stage).require(Request())
    ready(stage).require(Request(force=True, requested_by="ann", reason="a trial"))


def test_new_recordings_of_which_some_are_held_out_may_be_enough(stage):
    stage.upload(*(f"training/{label}/{n}.wav" for label in LABELS for n in range(5)))
    found = outlook(stage)
    assert (found.reasons, found.notes) == ((), (DRAWN,))


def test_a_label_that_is_short_is_named(stage):
    few = {**ENOUGH, "siren": 2, "casual": 9}
    champion(stage, of_release(3), held_out=few)
    stage.upload("training/casual/c1.wav")
    assert outlook(stage).reasons[0].startswith("There are only 2 siren;")
    stage.upload("heldout/siren/s1.wav")
    assert outlook(stage).reasons == ()
    assert outlook(stage).held_out["siren"] == 3


@pytest.mark.parametrize("prefix", ["training/", "training/may/"])
def test_no_clip_to_learn_from_is_refused_in_the_words_of_the_plan(stage, prefix):
    champion(stage, of_release(3), held_out=ENOUGH)
    stage.upload("training/notes.txt", "training/april/siren/s1.mp3")
    (reason,) = outlook(stage, prefix=prefix).reasons
    assert reason.startswith(f"There is no labeled WAV under {prefix}.")


def test_what_the_champion_has_learned_or_holds_out_is_not_new(stage):
    keys = [
        "training/siren/corrections/c1.wav", "training/siren/s2.wav", "heldout/siren/s3.wav",
    ]  # fmt: skip
    stage.upload(*keys)
    entries = [entry(stage, key, "siren") for key in keys]
    released = [
        {**entries[2], "key": f"released/{part}{label}/{n}.wav", "label": label}
        for label in LABELS for n in range(5) for part in ("", "everyday/")
    ]  # fmt: skip
    dataset = {"learnt_from": entries[:1], "held_out": [*entries[1:], *released]}
    champion(stage, dataset, held_out={**ENOUGH, "siren": 7})
    found = outlook(stage)
    assert (found.corrections, found.new_clips, found.clips["siren"]) == (0, 0, 2)
    assert (found.held_out["siren"], found.released_held_out) == (7, 20)
    assert found.reasons == (NOTHING_NEW,)
    ready(stage).require(Request(seed=1))
    ready(stage).require(Request(augmentations=("noise",)))
    stage.upload(keys[0])  # another version of the same object
    assert (outlook(stage).reasons, outlook(stage).corrections) == ((), 1)


def test_a_new_held_out_clip_is_new_too(stage):
    stage.upload("training/siren/s1.wav")
    champion(stage, {"learnt_from": [entry(stage, "training/siren/s1.wav", "siren")]},
             held_out=ENOUGH)  # fmt: skip
    assert outlook(stage).reasons == (NOTHING_NEW,)
    stage.upload("heldout/siren/s2.wav")
    assert outlook(stage).reasons == ()


def test_versions_of_before_count_no_held_out_clips_but_list_them(stage):
    stage.upload("training/siren/s1.wav")
    held_out = [{"key": f"heldout/{label}/{n}.wav", "version_id": "1", "label": label}
                for label in LABELS for n in range(5)]  # fmt: skip
    champion(stage, {"learnt_from": [], "held_out": held_out})
    assert outlook(stage).held_out == ENOUGH
    assert outlook(stage).released_held_out == 0


def test_on_a_new_stack_nothing_is_refused_that_the_first_model_may_make_good(stage):
    stage.upload("training/siren/s1.wav")
    stage.registry = ModelRegistry(stage.s3, "clips")  # a bucket without versions
    found = outlook(stage)
    assert (found.champion, found.reasons, found.notes) == (None, (), (NO_CHAMPION,))


def test_a_champion_that_was_altered_is_a_reason(stage):
    champion(stage, of_release(3), held_out=ENOUGH)
    stage.upload("training/siren/s1.wav")
    stage.s3.put_object(Bucket="models", Key="models/v2/dataset.json", Body=b"{}")
    (reason,) = outlook(stage).reasons
    assert "dataset.json of v2 is not the one its manifest names" in reason


def test_more_objects_than_are_listed_make_nothing_certain(stage, monkeypatch):
    stage.upload(*(f"training/siren/{n}.wav" for n in range(5)))
    clips = LabeledClips(stage.s3, "clips")
    monkeypatch.setattr(readiness, "MAX_PAGES", 1)
    pages = list(stage.s3.get_paginator("list_object_versions").paginate(
        Bucket="clips", PaginationConfig={"PageSize": 2}
    ))  # fmt: skip
    monkeypatch.setattr(clips, "_pages", lambda prefix: iter(pages))
    found = Readiness(clips, stage.registry).outlook(Request())
    assert not found.complete
    assert (found.reasons, found.notes) == ((), (CUT,))
    assert found.clips["siren"] == 2


class Machine:
    """Two executions, the newer one under way or not."""

    def __init__(self, under_way: str | None = None) -> None:
        self.under_way = under_way
        self.started: list[str] = []

    def running(self) -> str | None:
        return self.under_way

    def exists(self, name: str) -> bool:
        return name in self.started

    def start(self, name: str, document: Any) -> None:
        self.started.append(name)

    def newest(self, most: int) -> list[ListedExecution]:
        ended = [("r4", "ABORTED"), ("r3", "SUCCEEDED"), ("r2", "SUCCEEDED"), ("r1", "FAILED")]
        names = [("r5", "RUNNING")] if self.under_way else []
        return [
            ListedExecution(name, status, NOW - timedelta(hours=n))
            for n, (name, status) in enumerate((*names, *ended))
        ][:most]


def service(stage: Stage, machine: Any) -> RetrainingService:
    return RetrainingService(machine, stage.files, stage.registry, lambda: NOW, ready(stage))


def test_the_run_under_way_and_the_earlier_ones_are_named(stage):
    champion(stage, of_release(3), held_out=ENOUGH)
    stage.upload("training/siren/s1.wav")
    stage.files.write_json("r3", "outcome.json", {"status": "promoted", "version": "v3"})
    stage.files.write_json("r1", "outcome.json", {"status": "refused", "version": None})
    found = service(stage, Machine()).outlook(Request())
    assert (found["ready"], found["running"], found["reasons"]) == (True, None, [])
    assert [(run["id"], run["state"], run["version"]) for run in found["earlier"]] == [
        ("r4", "aborted", None),
        ("r3", "promoted", "v3"),
        ("r2", "failed", None),  # its files have expired
        ("r1", "refused", None),
    ]
    assert found["earlier"][0]["started"] == "2026-01-31T11:00:00.000Z"
    busy = service(stage, Machine("r5")).outlook(Request())
    assert (busy["ready"], busy["running"]) == (False, "r5")
    assert "r5 is under way" in busy["reasons"][0]
    assert busy["earlier"][0]["state"] == "running"


def test_what_cannot_succeed_is_not_started(stage):
    machine = Machine()
    with pytest.raises(RetrainingRefusedError, match="no labeled WAV"):
        service(stage, machine).start(Request())
    with pytest.raises(RetrainingRunningError):
        service(stage, Machine("r5")).start(Request())
    assert machine.started == []


def test_a_request_that_is_sent_again_is_answered_although_there_is_nothing_new_by_then(stage):
    stage.upload("training/siren/s1.wav")
    champion(stage, of_release(3), held_out=ENOUGH)
    machine = Machine()
    started = service(stage, machine).start(Request(), "key")
    stage.s3.delete_object(Bucket="clips", Key="training/siren/s1.wav")
    assert service(stage, machine).start(Request(), "key") == started
