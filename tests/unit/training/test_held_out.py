"""What candidates and champions are evaluated on beside labels: false alarms, and corrections."""

from __future__ import annotations

import numpy as np
import pytest

from earshot.labels import Label
from earshot.model.events import predict
from earshot.model.head import Head, Logits
from earshot.retraining.plan import EVERYDAY, RELEASED
from tests.unit.model.sample_head import sample_head
from training.data.clip_features import ClipFeatures, ClipRecord
from training.data.held_out import HeldOut
from training.evaluation.corrections import compare_corrections
from training.evaluation.false_alarm_rate import FalseAlarms, false_alarms, rate_differences


def head_that_scores(bias: float) -> Head:
    """A head that scores every patch a gunshot's logit of `bias`."""
    head = sample_head()
    zeros = np.zeros_like(head.kernel_mean)
    return Head(
        **{
            **vars(head),
            "kernel_mean": zeros,
            "kernel_max": zeros,
            "bias_1": np.array([0, bias, -9, -9], np.float32),
            "temperature": 1.0,
        }
    )


def features(*records: tuple[str, Label, float]) -> ClipFeatures:
    clips = tuple(
        ClipRecord(
            sha256=key.ljust(64, "0"), label=label, key=key, n_patches=2, duration_s=duration_s,
            version_id="1", held_out=True,
        )
        for key, label, duration_s in records
    )  # fmt: skip
    n = 2 * len(clips)
    return ClipFeatures(clips, np.ones((n, 1024), np.float16), np.zeros((n, 521), np.float16))


HELD = HeldOut(
    features(
        (f"{EVERYDAY}door/1", Label.CASUAL, 10.0),
        (f"{RELEASED}sesa/siren/1", Label.SIREN, 4.0),
        ("heldout/casual/own.wav", Label.CASUAL, 1800.0),
    ),
    np.array([True, True, True]),
    np.array([0, 2, 4]),
    everyday_hours=1.5,
)


def test_a_held_out_set_reads_as_it_was_written():
    back = HeldOut.from_npz(HELD.to_npz())
    assert back.features.clips == HELD.features.clips
    assert back.everyday.tolist() == [True, False, False]
    assert back.released.tolist() == [True, True, False]
    assert back.everyday_hours == 1.5
    assert back.counts() == {"siren": 1, "casual": 1}


def test_a_version_without_a_held_out_set_has_an_empty_one():
    assert len(HeldOut.from_npz(None)) == 0


def test_false_alarms_are_counted_on_everyday_sound_and_on_a_persons_casual_clips():
    loud, quiet = false_alarms(head_that_scores(5), HELD), false_alarms(head_that_scores(-5), HELD)
    assert (loud.count, quiet.count) == (2, 0)
    assert loud.hours == pytest.approx(1.5 + 0.5)  # and not the 10 s that stand for 1.5 hours
    assert loud.per_hour == pytest.approx(1.0)


def test_without_casual_sound_there_is_no_rate_to_compare():
    siren = HELD.select(np.array([False, True, False]))
    none = false_alarms(head_that_scores(5), siren)
    assert (none.count, none.hours, none.per_hour) == (0, 0, 0)
    assert rate_differences(none, none) == {}


def test_the_difference_of_rates_is_that_of_recording_groups_drawn_anew():
    recordings = np.arange(40)
    few = FalseAlarms(recordings < 2, recordings, 2.0)
    many = FalseAlarms(recordings < 20, recordings, 2.0)
    found = rate_differences(many, few)["false alarms per hour"]
    assert 0 < found["low"] < 9 < found["high"]  # nine more in an hour
    assert rate_differences(few, few)["false alarms per hour"] == {"low": 0, "high": 0}


def test_each_corrected_clip_says_what_it_was_and_what_it_is():
    corrected = features(
        ("training/casual/corrections/abc.wav", Label.CASUAL, 1.0),
        ("training/gunshot/corrections/def.wav", Label.GUNSHOT, 1.0),
    )
    found = compare_corrections(
        head_that_scores(-5), head_that_scores(5), corrected, ["", "a copy of a held-out recording"]
    )
    shown = found.to_json()
    assert {name: n for name, n in shown.items() if name != "clips"} == {
        "count": 2, "correct_before": 1, "correct": 1, "not_used": 1,
    }  # fmt: skip
    unused, learned = shown["clips"]  # what is wrong comes first
    assert (unused["clip_id"], unused["not_used"]) == ("def", "a copy of a held-out recording")
    assert (learned["clip_id"], learned["correct"], learned["not_used"]) == ("abc", True, None)
    assert (learned["was"]["label"], learned["now"]["label"]) == (Label.GUNSHOT, Label.CASUAL)
    assert learned["was"]["confidence"] == pytest.approx(1 / (1 + np.exp(-5)), abs=0.01)
    assert not found.unchanged_within(0.005)
    same = compare_corrections(head_that_scores(5), head_that_scores(5), corrected, ["", ""])
    assert same.unchanged_within(0.005)


def test_a_corrected_clip_has_the_confidence_that_its_result_states():
    both = head_that_scores(2)
    both.bias_1[Label.SIREN.class_id] = 1.9  # another threat, hardly less likely
    corrected = features(("training/casual/corrections/abc.wav", Label.CASUAL, 1.0))
    (clip,) = compare_corrections(head_that_scores(-5), both, corrected, [""]).clips
    logits = np.tile(both.bias_1, (2, 1))
    result = predict(both, Logits(logits, logits), np.array([0.0, 0.48]))
    assert clip.was.label == result.label
    assert clip.was.confidence == pytest.approx(result.events[0].confidence, abs=1e-4)
    assert clip.now.confidence == pytest.approx(1 / (1 + np.exp(-5)), abs=0.01)
