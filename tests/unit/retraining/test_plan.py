"""What a retraining trains on is fixed before it begins."""

from __future__ import annotations

import json
import sys
from collections import Counter
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.errors import BadRequestError, RetrainingRefusedError
from earshot.labels import Label
from earshot.retraining import plan as plan_module
from earshot.retraining.plan import (
    BACKGROUNDS_A_BATCH,
    BATCH_BYTES,
    BATCH_CLIPS,
    Batch,
    Request,
    make_plan,
)

OBJECTS = [
    ("training/siren/a.wav", "1", 100),
    ("training/siren/corrections/b.wav", "2", 100),
    ("training/2026-05/gunshot_001.WAV", "3", 100),
    ("training/casual/quiet.wav", "4", 100),
    ("heldout/explosion/c.wav", "5", 100),
    ("training/notes.txt", "6", 100),
    ("training/dogs/d.wav", "7", 100),
    ("training/siren/", "8", 0),
]


def test_labels_come_from_folder_or_name_and_the_rest_is_listed():
    plan = make_plan(OBJECTS, Request())
    assert plan.counts == {"siren": 2, "gunshot": 1, "casual": 1}
    assert plan.held_out == 1
    assert plan.ignored == ("training/dogs/d.wav", "training/notes.txt")
    (batch,) = plan.batches
    found = {clip.key: clip for clip in batch.clips}
    assert found["training/siren/corrections/b.wav"].corrected
    assert found["training/siren/corrections/b.wav"].label is Label.SIREN
    assert found["heldout/explosion/c.wav"].held_out
    assert found["training/2026-05/gunshot_001.WAV"].version_id == "3"


def test_only_quiet_clips_are_mixed_under_others():
    (batch,) = make_plan(OBJECTS, Request()).batches
    assert [clip.key for clip in batch.backgrounds] == ["training/casual/quiet.wav"]


def test_nothing_to_learn_from_is_refused_with_what_is_expected():
    with pytest.raises(RetrainingRefusedError, match=r"no labeled WAV under training/.*<label>/"):
        make_plan([("heldout/siren/a.wav", "1", 1)], Request())


@given(st.lists(st.integers(0, 2 * BATCH_BYTES), min_size=1, max_size=80))
def test_every_clip_is_in_one_batch_that_a_function_can_bear(sizes):
    objects = [(f"training/siren/{i:03}.wav", "1", size) for i, size in enumerate(sizes)]
    plan = make_plan(objects, Request())
    keys = [clip.key for batch in plan.batches for clip in batch.clips]
    assert keys == [key for key, _, _ in objects]
    for batch in plan.batches:
        assert 1 <= len(batch.clips) <= BATCH_CLIPS
        assert len(batch.clips) == 1 or sum(c.size for c in batch.clips) <= BATCH_BYTES


def test_backgrounds_are_used_in_turn_and_the_same_for_the_same_seed():
    objects = [(f"training/casual/{i:02}.wav", "1", 1) for i in range(5 * BATCH_CLIPS)]
    batches = make_plan(objects, Request(seed=3)).batches
    used = [clip.key for batch in batches for clip in batch.backgrounds]
    assert len(set(used)) == len(used) == BACKGROUNDS_A_BATCH * len(batches)
    assert batches == make_plan(objects[::-1], Request(seed=3)).batches
    assert batches != make_plan(objects, Request(seed=4)).batches


def test_a_single_quiet_clip_is_named_once_a_batch():
    objects = [("training/casual/a.wav", "1", 1)]
    objects += [(f"training/siren/{i:02}.wav", "1", 1) for i in range(40)]
    batches = make_plan(objects, Request()).batches
    assert [len(batch.backgrounds) for batch in batches] == [1, 1, 1]


def calls_of_a_plan(n_clips: int) -> int:
    """Functions that are called, in Python and in C, to plan so many casual clips."""
    objects = [(f"training/casual/{i:06}.wav", "1", 100) for i in range(n_clips)]
    n_calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal n_calls
        n_calls += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        make_plan(objects, Request())
    finally:
        sys.setprofile(before)
    return n_calls


def test_twice_the_clips_take_twice_the_work():
    assert calls_of_a_plan(8000) < 2.2 * calls_of_a_plan(4000)


def test_a_plan_of_fifty_thousand_clips_digests_each_once(monkeypatch):
    digested = Counter[bytes]()

    def counted(text: bytes) -> Any:
        digested[text] += 1
        return sha256(text)

    monkeypatch.setattr(plan_module, "sha256", counted)
    objects = [(f"training/casual/{i:06}.wav", "1", 100) for i in range(50_000)]
    assert make_plan(objects, Request()).n_clips == len(objects)
    assert set(digested.values()) == {1}
    assert len(digested) == len(objects)


def test_a_batch_survives_its_way_through_json():
    for batch in make_plan(OBJECTS, Request()).batches:
        assert Batch.from_json(json.loads(json.dumps(batch.to_json()))) == batch


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"prefix": "incoming/"}, "within training/"),
        ({"prefix": "training/../heldout/"}, "within training/"),
        ({"prefix": "training/a"}, "within training/"),
        ({"prefix": 3}, "within training/"),
        ({"force": "yes"}, "`force`"),
        ({"force": True}, "`requested_by`"),
        ({"force": True, "requested_by": "me"}, "`reason`"),
        ({"seed": 1.5}, "`seed`"),
        ({"seed": True}, "`seed`"),
        ({"augmentations": ["reverse"]}, "noise, pitch, stretch, background"),
        ({"augmentations": "noise"}, "`augmentations`"),
        ({"color": "red"}, "Unknown: color"),
    ],
)
def test_an_input_that_is_not_accepted_is_explained(document, message):
    with pytest.raises(BadRequestError, match=message):
        Request.from_input(document)


def test_an_input_with_everything_is_accepted():
    request = Request.from_input(
        {
            "prefix": "training/may/",
            "force": True,
            "requested_by": "operator",
            "reason": "new site",
            "augmentations": ["pitch"],
            "seed": 3,
        }
    )
    assert (request.force, request.augmentations) == (True, ("pitch",))
    assert Request.from_input({}) == Request()
