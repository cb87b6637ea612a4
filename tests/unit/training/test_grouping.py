"""No recording stands on both sides of the split, and nobody moves the goalposts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.labels import LABELS, Label
from earshot.retraining.plan import RELEASED
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate, read_npz
from training.data.grouping import across_labels, recording_groups, split, stem

NOTHING = concatenate([])


def digest(name: str, draw: bool = False) -> str:
    """A SHA-256 that is drawn to be held out, or is not."""
    return ("00000000" if draw else "00000001") + name.rjust(56, "0")


def clip(
    name: str,
    label: Label = Label.SIREN,
    *,
    direction: int | None = None,
    **changes: Any,
) -> ClipFeatures:
    """A clip of two patches whose embeddings point somewhere of their own, or as given."""
    draw = bool(changes.pop("draw", False))
    rng = np.random.default_rng(list(name.encode()) if direction is None else direction)
    record = ClipRecord(
        sha256=digest(name, draw),
        label=label,
        key=f"training/{label}/{name}.wav",
        version_id="1",
        n_patches=2,
        duration_s=1.5,
    )
    embeddings = np.repeat(rng.standard_normal((1, 1024)), 2, axis=0).astype(np.float16)
    return ClipFeatures((replace(record, **changes),), embeddings, np.zeros((2, 521), np.float16))


def names(features: ClipFeatures) -> set[str]:
    return {one.key for one in features.clips}


def key(name: str, label: Label = Label.SIREN) -> str:
    return f"training/{label}/{name}.wav"


def test_copies_under_two_labels_are_counted_as_a_warning_of_a_low_cosine():
    siren, copy = clip("siren", direction=1), clip("copy", direction=1)
    shot = clip("shot", Label.GUNSHOT, direction=1)
    assert across_labels(concatenate([siren, copy, clip("other", Label.GUNSHOT)])) == 0
    assert across_labels(concatenate([siren, copy, shot])) == 2


def test_one_recording_in_five_is_held_out_and_the_choice_is_by_content():
    parts = split(concatenate([clip("a"), clip("b", draw=True)]), NOTHING, NOTHING)
    assert names(parts.train) == {key("a")}
    assert names(parts.held_out) == {key("b")}
    assert parts.established.tolist() == [False]


def test_near_copies_stay_on_one_side():
    new = concatenate([clip("a", direction=1), clip("b", direction=1, draw=True)])
    assert len(split(new, NOTHING, NOTHING).held_out) == 2  # the least hash speaks for both


@pytest.mark.parametrize(
    "name",
    ["gate (2)", "gate(2)", "gate copy", "gate - Copy", "gate_part3", "gate-seg01", "GATE_aug1"],
)
def test_names_that_differ_in_a_copy_mark_are_of_one_recording(name):
    assert stem(f"training/siren/{name}.wav") == stem("training/siren/gate.wav")


@pytest.mark.parametrize("name", ["gate2", "gate_002", "gates", "(2)", "gatecopy", "gatepart3"])
def test_other_names_are_other_recordings(name):
    assert stem(f"training/siren/{name}.wav") != stem("training/siren/gate.wav")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("heldout/gunshot/gunshot_001.wav", "gunshot/gunshot_001.wav"),  # as in v1's replay
        ("heldout/site-a/siren/001.wav", "training/site-b/siren/001.wav"),
        ("heldout/gunshot_intake.wav", "heldout/gunshot_in.wav"),
        ("heldout/gunshot_uppercut.wav", "heldout/gunshot_upper.wav"),
    ],
)
def test_held_out_clips_are_not_dropped_for_what_others_are_called(one, other):
    held = clip("a", Label.GUNSHOT, key=one, held_out=True)
    parts = split(held, clip("b", Label.GUNSHOT, key=other), NOTHING)
    assert names(parts.held_out) == {one}
    assert parts.left_out == {}


def test_a_chain_of_copies_is_one_recording():
    groups = recording_groups(
        concatenate(
            [clip("gate", direction=1), clip("gate copy", direction=2), clip("x", direction=2)]
        )
    )
    assert len(set(groups.values())) == 1


def test_what_the_parent_learned_from_is_never_held_out_nor_are_its_copies():
    new = concatenate([clip("copy", direction=1, draw=True), clip("seen", direction=2, draw=True)])
    replay = clip("learned", direction=1)
    parts = split(new, replay, NOTHING, frozenset({digest("seen", True)}))
    assert len(parts.held_out) == 0
    assert names(parts.train) == {key("copy"), key("seen"), key("learned")}


def test_held_out_clips_stay_held_out_and_their_copies_are_left_out():
    held = clip("held", direction=1, held_out=True)
    parts = split(concatenate([clip("copy", direction=1), clip("other")]), NOTHING, held)
    assert names(parts.held_out) == {key("held")}
    assert parts.established.tolist() == [True]
    assert names(parts.train) == {key("other")}
    assert parts.left_out == {digest("copy"): "a copy of a held-out recording"}


def test_a_held_out_clip_that_is_a_copy_of_a_training_clip_is_left_out():
    parts = split(clip("held", direction=1, held_out=True), clip("learned", direction=1), NOTHING)
    assert len(parts.held_out) == 0
    assert names(parts.train) == {key("learned")}
    assert "a model was trained on" in parts.left_out[digest("held")]


def test_a_new_clip_that_ties_a_held_out_clip_to_a_training_clip_leaves_out_neither():
    held, learned = clip("a", direction=1, held_out=True), clip("b", direction=2)
    tie = concatenate([clip("b copy", direction=1)])  # the name of one, the sound of the other
    parts = split(tie, learned, held)
    assert names(parts.held_out) == {key("a")}
    assert names(parts.train) == {key("b")}
    assert parts.left_out == {digest("b copy"): "a copy of a held-out recording"}
    assert parts.groups[digest("a")] != parts.groups[digest("b")]


def test_the_label_of_a_held_out_clip_is_not_changed_by_an_upload():
    held = clip("held", Label.GUNSHOT, held_out=True)
    parts = split(concatenate([clip("held", Label.CASUAL), clip("a")]), NOTHING, held)
    assert [one.label for one in parts.held_out.clips] == [Label.GUNSHOT]
    assert names(parts.train) == {key("a")}


def test_the_label_of_a_held_out_clip_is_changed_by_a_correction():
    held = clip("held", Label.GUNSHOT, held_out=True)
    corrected = clip("held", Label.CASUAL, corrected=True)
    parts = split(concatenate([corrected, clip("a")]), NOTHING, held)
    assert [one.label for one in parts.held_out.clips] == [Label.CASUAL]


def test_a_new_label_replaces_the_one_that_was_replayed():
    parts = split(clip("a", Label.CASUAL), clip("a", Label.GUNSHOT), NOTHING)
    assert [one.label for one in parts.train.clips] == [Label.CASUAL]


def test_a_correction_overrules_a_contradiction_and_without_one_nobody_is_believed():
    both = concatenate([clip("a", Label.CASUAL), clip("a", Label.SIREN)])
    parts = split(concatenate([both, clip("b")]), NOTHING, NOTHING)
    assert names(parts.train) == {key("b")}
    assert parts.left_out == {digest("a"): "labeled both casual and siren"}
    parts = split(concatenate([both, clip("a", Label.SIREN, corrected=True)]), NOTHING, NOTHING)
    assert {one.label for one in parts.train.clips} == {Label.SIREN}


def test_two_corrections_of_one_clip_that_contradict_each_other_are_left_out():
    both = [clip("a", label, corrected=True) for label in (Label.CASUAL, Label.SIREN)]
    parts = split(concatenate([*both, clip("b")]), NOTHING, NOTHING)
    assert names(parts.train) == {key("b")}
    assert parts.left_out == {digest("a"): "labeled both casual and siren"}


def test_a_copy_with_a_held_out_clip_mixed_in_is_left_out():
    mixed = clip("a", augmentation="background", background=digest("held", True))
    new = concatenate([clip("a"), mixed, clip("held", draw=True)])
    parts = split(new, NOTHING, NOTHING)
    assert [one.augmentation for one in parts.train.clips] == [None]


def test_a_clip_that_lies_there_twice_counts_once():
    twice = concatenate([clip("a"), clip("a", key="training/siren/again.wav")])
    assert len(split(twice, NOTHING, NOTHING).train) == 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 12),  # recording
            st.booleans(),  # drawn
            st.sampled_from(["new", "replay", "held"]),
            st.sampled_from(LABELS),
        ),
        max_size=25,
    )
)
def test_no_recording_is_ever_on_both_sides(rows):
    sets: dict[str, list[ClipFeatures]] = {"new": [], "replay": [], "held": []}
    for i, (recording, draw, origin, label) in enumerate(rows):
        one = clip(f"c{i}", label, direction=recording, draw=draw, held_out=origin == "held")
        sets[origin].append(one)
    new, replay, held = (concatenate(sets[origin]) for origin in ("new", "replay", "held"))
    parts = split(new, replay, held)
    recording_of = {
        one.sha256: rows[int(one.key.rsplit("/c")[-1].removesuffix(".wav"))][0]
        for kind in sets.values()
        for some in kind
        for one in some.clips
    }
    learning = {recording_of[one.sha256] for one in parts.train.clips}
    held_out = {recording_of[one.sha256] for one in parts.held_out.clips}
    assert not learning & held_out
    known = {one.sha256 for one in concatenate(sets["replay"]).clips}
    assert not known & {one.sha256 for one in parts.held_out.clips}
    used = {one.sha256 for one in (*parts.train.clips, *parts.held_out.clips)}
    assert used | parts.left_out.keys() == {
        one.sha256 for kind in sets.values() for some in kind for one in some.clips
    }


def test_features_survive_their_way_through_an_archive():
    features = concatenate([clip("a"), clip("b", Label.CASUAL, augmentation="noise")])
    found, notes = read_npz(features.to_npz(rejected=[["k", "why"]]))
    assert notes == {"rejected": [["k", "why"]]}
    assert found.clips == features.clips
    np.testing.assert_array_equal(found.embeddings, features.embeddings)
    assert [len(patches) for patches in found.patches_of()] == [2, 2]


def test_a_correction_is_never_drawn_to_be_held_out_nor_is_a_copy_of_it():
    corrected = clip("a", direction=1, draw=True, corrected=True)
    copy = clip("copy", direction=1, draw=True)
    parts = split(concatenate([corrected, copy]), NOTHING, NOTHING)
    assert names(parts.train) == {key("a"), key("copy")}
    assert len(parts.held_out) == 0


def test_a_clip_that_came_with_a_release_makes_way_for_a_correction_that_is_like_it():
    released = concatenate(
        [
            clip("bang", direction=1, key=f"{RELEASED}everyday/door/1", held_out=True),
            clip("hum", direction=2, key=f"{RELEASED}everyday/fridge/1", held_out=True),
        ]
    )
    parts = split(clip("door", direction=1, corrected=True), NOTHING, released)
    assert names(parts.train) == {key("door")}
    assert names(parts.held_out) == {f"{RELEASED}everyday/fridge/1"}
    assert "like a clip that is learned from" in parts.left_out[digest("bang")]
