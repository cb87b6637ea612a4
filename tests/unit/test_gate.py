"""The gate lets a better model pass and holds a worse one, and says why."""

from __future__ import annotations

from typing import Any

import pytest

from earshot.labels import LABELS
from earshot.retraining.gate import Limits, decide, too_few


def metrics(n_each: int = 20, **changes: Any) -> dict[str, Any]:
    recalls = dict.fromkeys(LABELS, 0.9) | changes.pop("recalls", {})
    return {
        "n": 4 * n_each,
        "macro_f1": 0.9,
        "ece": 0.05,
        "per_class": {
            str(label): {"recall": recalls[label], "support": n_each} for label in LABELS
        },
        **changes,
    }


def test_an_equal_candidate_passes_with_each_number_on_record():
    decision = decide(metrics(), metrics())
    assert decision.promote
    assert decision.reasons == ()
    assert [check.name for check in decision.checks] == [
        "held-out clips",
        "macro F1",
        "recall of gunshot",
        "recall of explosion",
        "calibration error",
    ]
    for check in decision.to_json()["checks"]:
        assert check.keys() == {"name", "passed", "candidate", "champion", "limit", "reason"}


@pytest.mark.parametrize(
    ("changes", "promote"),
    [
        ({"macro_f1": 0.891}, True),
        ({"macro_f1": 0.889}, False),
        ({"recalls": {"gunshot": 0.85}}, False),
        ({"recalls": {"explosion": 0.85}}, False),
        ({"recalls": {"siren": 0.85, "casual": 0.85}}, True),  # macro F1 speaks for these
        ({"ece": 0.069}, True),
        ({"ece": 0.071}, False),
    ],
)
def test_each_limit_holds(changes, promote):
    assert decide(metrics(**changes), metrics()).promote is promote


def test_a_refusal_names_every_reason_with_its_numbers():
    reasons = decide(metrics(macro_f1=0.5, recalls={"gunshot": 0.1}), metrics()).reasons
    assert reasons == (
        "macro F1 0.500 falls below 0.890 (the champion's 0.900 - 0.01)",
        "recall of gunshot 0.100 falls below 0.900 (the champion's 0.900 - 0.0)",
    )


def test_too_few_clips_judge_nobody_however_good_the_candidate():
    decision = decide(metrics(n_each=4, macro_f1=1.0), metrics(n_each=4, macro_f1=0.1))
    assert not decision.promote
    assert "only 16 held-out clips" in decision.reasons[0]
    assert "heldout/<label>/" in decision.reasons[0]


def test_a_label_that_nobody_judges_is_named():
    counts = {"casual": 30, "gunshot": 2, "explosion": 30}
    assert "only 2 gunshot and 0 siren" in (too_few(counts) or "")
    assert too_few(dict.fromkeys(LABELS, 5)) is None


def test_limits_can_be_set():
    assert decide(metrics(macro_f1=0.7), metrics(), Limits(macro_f1=0.3)).promote


def test_metrics_of_different_clips_are_not_compared():
    with pytest.raises(ValueError, match="different clips"):
        decide(metrics(20), metrics(21))
