"""The page Retrain, run by Streamlit's own test, with an API that lives in memory."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.unit.ui.test_ui_pages import OUTLOOK, api, run  # noqa: F401 - a fixture

STANDS: dict[str, Any] = {
    "id": "r1", "state": "promoted", "step": "Done", "version": "v2", "champion": "v2",
    "reasons": [], "comparison": None, "decision": None, "corrections": None, "left_out": None,
}  # fmt: skip


def shown(page: Any) -> str:
    return "\n".join(one.value for one in (*page.markdown, *page.caption))


def test_what_would_be_learned_and_what_evaluates_it_is_shown_before_the_click(api):  # noqa: F811
    page = run("retrain")
    assert not page.exception
    words = shown(page)
    assert "240 labeled clips, 12 new corrections among them" in words
    assert "214 held-out clips, 200 of them came with the release" in words
    assert "14 casual, 200 siren" in words
    assert not page.warning


def test_why_it_would_be_refused_is_shown_before_the_click(api):  # noqa: F811
    refused = {
        **OUTLOOK, "ready": False, "reasons": ["There are only 3 held-out clips."],
        "notes": ["There are more objects."], "corrections": 1, "released_held_out": 0,
    }  # fmt: skip
    api["/retrain"] = httpx.Response(200, json=refused)
    page = run("retrain")
    assert [one.value for one in page.warning] == ["There are only 3 held\\-out clips\\."]
    assert ", 1 new correction among them" in shown(page)
    assert "There are more objects" in shown(page)
    # Files that are uploaded may be held out.
    page.segmented_control[0].set_value("Uploaded files").run()
    assert not page.warning


def test_that_one_is_under_way_is_shown_once_wherever_it_stands_among_the_reasons(api):  # noqa: F811
    reasons = ["There are only 3 held-out clips.", "The retraining r7 is under way."]
    api["/retrain"] = httpx.Response(
        200, json={**OUTLOOK, "ready": False, "running": "r7", "reasons": reasons}
    )
    page = run("retrain")
    assert [one.value for one in page.warning] == ["There are only 3 held\\-out clips\\."]
    assert not page.exception


def test_earlier_retrainings_are_listed_in_words(api):  # noqa: F811
    earlier = [
        {"id": f"r{n}", "state": state, "started": "2026-01-31T12:00:00.000Z", "version": version}
        for n, (state, version) in enumerate((("unchanged", "v3"), ("refused", None)))
    ]
    api["/retrain"] = httpx.Response(200, json={**OUTLOOK, "earlier": earlier})
    page = run("retrain")
    assert not page.exception
    rows = page.dataframe[0].value
    assert list(rows["outcome"]) == ["No change", "Refused"]
    assert list(rows["version"]) == ["v3", ""]


def correction(clip_id: str, now: str, not_used: str | None = None) -> dict[str, Any]:
    return {
        "clip_id": clip_id * 32, "label": "casual",
        "was": {"label": "siren", "confidence": 0.5268}, "now": {"label": now, "confidence": 0.91},
        "correct": now == "casual", "not_used": not_used,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        ("promoted", "1 of 4 right now, 0 before"),
        ("rejected", "1 of 4 right by the candidate, 0 before"),
    ],
)
def test_each_corrected_clip_is_shown_as_it_was_and_is(api, state, counted):  # noqa: F811
    clips = [
        correction("a", "siren"),
        correction("b", "siren", "a copy"),
        correction("c", "casual"),
    ]
    corrections = {"count": 4, "correct_before": 0, "correct": 1, "not_used": 1, "clips": clips}
    left_out = {"count": 2, "clips": [{"key": "training/siren/a.wav", "reason": "It is empty."}]}
    stands = {**STANDS, "state": state, "corrections": corrections, "left_out": left_out}
    api["/retrain/r1"] = httpx.Response(200, json=stands)
    page = run("retrain", run="r1")
    assert not page.exception
    assert counted in shown(page)
    assert "and 1 more" in shown(page)
    rows = page.dataframe[0].value
    assert list(rows["was"]) == ["● Siren, 53 %"] * 3
    assert list(rows["now"]) == ["● Siren, 91 %", "● Siren, 91 %", "■ Casual, 91 %"]
    assert list(rows["outcome"]) == ["✕ still wrong", "not used: a copy", "✓ right"]
    assert rows["clip"][0] == f"/results?clip={'a' * 32}"
    assert page.expander[0].label == "Clips that were not used (2)"
    assert "It is empty." in str(page.table[0].value)


def test_a_retraining_that_changes_nothing_says_so(api):  # noqa: F811
    stands = {**STANDS, "state": "unchanged", "champion": "v1", "reasons": ["Nothing new."]}
    api["/retrain/r1"] = httpx.Response(200, json=stands)
    page = run("retrain", run="r1")
    assert not page.exception
    assert "No change: v1 stays champion." in page.info[0].value
    assert not page.success
