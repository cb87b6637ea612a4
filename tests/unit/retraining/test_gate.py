"""The gate lets a better model pass and holds a worse one, and says why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from earshot.labels import LABELS, Label
from earshot.retraining.gate import Decision, Limits, carried_by, decide, too_few
from training.evaluation.metrics import differences, report
from training.evaluation.predictions import Predictions


def metrics(n_each: int = 20, **changes: Any) -> dict[str, Any]:
    recalls = dict.fromkeys(LABELS, 0.9) | changes.pop("recalls", {})
    return {
        "n": 4 * n_each,
        "macro_f1": 0.9,
        "macro_f1_95": (0.8, 0.95),
        "log_loss": 0.4,
        "per_class": {
            str(label): {"recall": recalls[label], "support": n_each} for label in LABELS
        },
        **changes,
    }


def gate(candidate: dict[str, Any], champion: dict[str, Any], **carried: float) -> Decision:
    """Where no difference is taken for chance."""
    return decide(candidate, champion, {}, carried)


def test_an_equal_candidate_passes_with_each_number_on_record():
    decision = gate(metrics(), metrics())
    assert decision.promote
    assert decision.reasons == ()
    assert [check.name for check in decision.checks] == [
        "held-out clips",
        "better than guessing",
        "macro F1",
        "recall of gunshot",
        "recall of explosion",
        "recall of siren",
        "log loss",
    ]
    for check in decision.to_json()["checks"]:
        assert check.keys() == {
            "name", "passed", "candidate", "champion", "limit", "reason", "excused", "carried",
        }  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "promote"),
    [
        ({"macro_f1": 0.891}, True),
        ({"macro_f1": 0.889}, False),
        ({"recalls": {"gunshot": 0.85}}, False),
        ({"recalls": {"explosion": 0.85}}, False),
        ({"recalls": {"siren": 0.85}}, False),
        ({"recalls": {"casual": 0.85}}, True),  # macro F1 and false alarms speak for these
        ({"log_loss": 0.419}, True),
        ({"log_loss": 0.421}, False),
    ],
)
def test_each_limit_holds_for_a_loss_that_is_no_chance(changes, promote):
    assert gate(metrics(**changes), metrics()).promote is promote


CHANCE = {"low": -0.1, "high": 0.02}


@pytest.mark.parametrize(
    ("name", "changes", "promote"),
    [
        ("macro F1", {"macro_f1": 0.871}, True),
        ("macro F1", {"macro_f1": 0.869}, False),
        ("recall of gunshot", {"recalls": {"gunshot": 0.85}}, True),
        ("recall of gunshot", {"recalls": {"gunshot": 0.8}}, False),
        ("log loss", {"log_loss": 0.449}, True),
        ("log loss", {"log_loss": 0.451}, False),
    ],
)
def test_chance_excuses_a_small_loss_and_no_large_one(name, changes, promote):
    candidate = metrics(**changes)
    assert decide(candidate, metrics(), {name: CHANCE}, {}).promote is promote
    # What lies on the losing side in nine draws of ten is no chance.
    surely = {"low": -0.2, "high": -0.01} if name != "log loss" else {"low": 0.01}
    assert not decide(candidate, metrics(), {name: surely}, {}).promote


def test_what_was_excused_is_carried_on_until_it_is_made_good():
    found = {"recall of gunshot": CHANCE}
    first = decide(metrics(recalls={"gunshot": 0.85}), metrics(), found, {})
    (check,) = [check for check in first.checks if check.excused]
    assert (check.name, round(check.carried, 3)) == ("recall of gunshot", 0.05)
    carried = carried_by(first.to_json())
    champion = metrics(recalls={"gunshot": 0.85})
    assert decide(champion, champion, found, carried).promote
    assert not decide(metrics(recalls={"gunshot": 0.8}), champion, found, carried).promote
    better = decide(metrics(), champion, found, carried)
    assert better.promote
    assert carried_by(better.to_json())["recall of gunshot"] == pytest.approx(0)


def test_a_version_that_was_forced_or_never_gated_carries_nothing():
    forced = gate(metrics(macro_f1=0.5), metrics()).to_json() | {"forced": True}
    assert carried_by(forced) == carried_by(None) == {}


def test_a_useless_candidate_does_not_replace_a_useless_champion():
    useless = metrics(macro_f1=0.3, macro_f1_95=(0.2, 0.4))
    assert gate(useless, useless).reasons == (
        "the lower end 0.200 of macro F1's 95 % interval is not over the 0.250 of guessing",
    )


def test_a_refusal_names_every_reason_with_its_numbers():
    reasons = gate(metrics(macro_f1=0.5, recalls={"gunshot": 0.1}), metrics()).reasons
    assert reasons == (
        "macro F1 0.500 falls below 0.890 (the champion's 0.900 - 0.01)",
        "recall of gunshot 0.100 falls below 0.900 (the champion's 0.900 - 0.0)",
    )


def test_too_few_clips_are_refused_however_good_the_candidate():
    decision = gate(metrics(n_each=4, macro_f1=1.0), metrics(n_each=4, macro_f1=0.1))
    assert not decision.promote
    assert "only 16 held-out clips" in decision.reasons[0]
    assert "heldout/<label>/" in decision.reasons[0]


def test_a_label_without_held_out_clips_is_named():
    counts = {"casual": 30, "gunshot": 2, "explosion": 30}
    assert "only 2 gunshot and 0 siren" in (too_few(counts) or "")
    assert too_few(dict.fromkeys(LABELS, 5)) is None


def test_limits_can_be_set():
    assert decide(metrics(macro_f1=0.7), metrics(), {}, {}, Limits(macro_f1=0.3)).promote


def test_metrics_of_different_clips_are_not_compared():
    with pytest.raises(ValueError, match="different clips"):
        gate(metrics(20), metrics(21))


def predicted(wrong: list[int], n_each: int = 20) -> Predictions:
    """Predictions, certain to 90 %, that are right but for these clips, which are casual then."""
    truth = np.repeat(np.arange(4), n_each)
    guesses = truth.copy()
    guesses[wrong] = 0
    probabilities = np.full((len(truth), 4), 0.1 / 3)
    probabilities[np.arange(len(truth)), guesses] = 0.9
    return Predictions(truth, probabilities, np.arange(len(truth)))


@pytest.mark.parametrize(
    ("missed_before", "missed_now", "promote"),
    [
        ([20, 21], [20, 22], True),  # other shots, but as many
        ([20, 21], [20, 21, 22], True),  # one more, which may be chance
        ([20, 21], [20, 21, 22, 23], False),  # two more
        ([20, 21], [22, 23, 24, 25], False),
        ([40], [40, 60, 61, 62, 63], False),  # four sirens
    ],
)
def test_real_losses_are_distinguished_from_chance(missed_before, missed_now, promote):
    candidate, champion = predicted(missed_now), predicted(missed_before)
    found = differences(candidate, champion)
    assert Label.GUNSHOT.class_id == 1
    decision = decide(report(candidate), report(champion), found, {})
    assert decision.promote is promote, decision.reasons


@pytest.mark.parametrize(
    ("before", "now", "low", "promote"),
    [
        (2, 2, 0.0, True),
        (2, 1, -0.5, True),
        (2, 3, 0.0, True),  # one more in two hours, which may be chance
        (2, 3, 0.2, False),
        (2, 4, 0.0, False),
    ],
)
def test_false_alarms_on_casual_sound_may_not_rise(before, now, low, promote):
    candidate, champion = (
        metrics() | {"casual_hours": 2.0, "false_alarms": n, "false_alarms_per_hour": n / 2}
        for n in (now, before)
    )
    found = {"false alarms per hour": {"low": low, "high": 1.0}}
    decision = decide(candidate, champion, found, {})
    assert decision.promote is promote
    (check,) = [check for check in decision.checks if check.name == "false alarms per hour"]
    assert (check.candidate, check.champion) == (now / 2, before / 2)


def test_a_persons_own_clips_have_a_check_beside_those_of_the_release():
    own = {"candidate": metrics(macro_f1=0.8), "champion": metrics(), "differences": {}}
    assert gate(metrics(), metrics()).promote
    decision = decide(metrics(), metrics(), {}, {}, own=own)
    assert not decision.promote
    assert decision.reasons[0].startswith("macro F1 on your own held-out clips 0.800 falls below")


def test_a_recording_group_may_be_lost_by_chance_though_it_is_several_clips():
    candidate, champion = metrics(recalls={"gunshot": 0.8}), metrics()
    found = {"recall of gunshot": CHANCE}
    assert not decide(candidate, champion, found, {}).promote  # two of twenty clips
    for of_both in (candidate, champion):
        of_both["per_class"]["gunshot"]["recordings"] = 8
    assert decide(candidate, champion, found, {}).promote
