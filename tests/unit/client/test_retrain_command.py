"""The command `retrain`."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from earshot_client.cli import retraining
from earshot_client.transport import Transport

LABELS = ("casual", "gunshot", "explosion", "siren")
OUTLOOK: dict[str, Any] = {
    "ready": True, "reasons": [], "notes": [], "corrections": 12,
    "clips": dict.fromkeys(LABELS, 60), "held_out": {**dict.fromkeys(LABELS, 50), "siren": 64},
    "released_held_out": 200,
}  # fmt: skip
IN_WORDS = (
    "12 new corrections, 240 labeled clips; 214 held-out clips (200 came with a release) "
    "to evaluate on.\n"
)
ENDED: dict[str, Any] = {"id": "r1", "state": "promoted", "version": "v2", "reasons": []}


@pytest.fixture(autouse=True)
def without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retraining, "POLL_S", 0)


def answers(*of: Any, started: int = 202) -> list[httpx.Response]:
    """The outlook, a retraining that starts, and what is answered about it."""
    begun = [httpx.Response(200, json=OUTLOOK), httpx.Response(started, json={"id": "r1"})]
    return begun + [httpx.Response(200, json=answer) for answer in of]


def test_a_retraining_is_watched_until_it_ends(api, run):
    running = {"id": "r1", "state": "running", "step": None, "embedded": 0.5}
    api.refusals = answers(running, ENDED)
    done = run("retrain", "--prefix", "training/may/")
    assert (done.exit_code, done.stdout) == (0, f"{IN_WORDS}r1 promoted v2\n")
    assert dict(api.requests[0].url.params) == {"prefix": "training/may/"}
    assert json.loads(api.requests[1].content) == {"prefix": "training/may/", "reason": ""}
    assert [request.url.path[-11:] for request in api.requests[2:]] == ["/retrain/r1"] * 2


def test_a_busy_api_does_not_end_the_watch(api, run, monkeypatch):
    monkeypatch.setattr(Transport, "waits_s", ())
    begun = answers(ENDED)
    api.refusals = [*begun[:2], httpx.Response(429), httpx.Response(503), begun[2]]
    done = run("retrain")
    assert (done.exit_code, done.stdout) == (0, f"{IN_WORDS}r1 promoted v2\n")
    api.refusals = [*begun[:2], httpx.Response(403, json={"detail": "No scope."})]
    assert run("retrain").exit_code == 1


@pytest.mark.parametrize("state", ["rejected", "refused", "failed", "aborted"])
def test_a_retraining_that_ends_without_a_new_champion_fails(api, run, state):
    ended = {**ENDED, "state": state, "reasons": ["macro F1 falls"]}
    api.refusals = answers(ended)
    done = run("retrain")
    assert done.exit_code == 1
    assert done.stdout == f"{IN_WORDS}r1 {state} v2\nmacro F1 falls\n"
    assert done.stderr == "Error: No new model serves: r1 was not promoted.\n"
    api.refusals = answers(ended)[1:]
    as_json = run("retrain", "--json")
    assert (as_json.exit_code, json.loads(as_json.stdout)) == (1, ended)


def test_a_retraining_that_changes_nothing_says_so_and_is_no_failure(api, run):
    api.refusals = answers({**ENDED, "state": "unchanged", "reasons": ["There was nothing new."]})
    done = run("retrain")
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:] == [
        "r1 unchanged v2", "No change: the champion stays.", "There was nothing new.",
    ]  # fmt: skip


def correction(clip_id: str, now: str, not_used: str | None = None) -> dict[str, Any]:
    return {
        "clip_id": clip_id, "label": "casual", "was": {"label": "siren", "confidence": 0.5268},
        "now": {"label": now, "confidence": 0.91}, "correct": now == "casual",
        "not_used": not_used,
    }  # fmt: skip


def test_each_correction_is_shown_as_it_was_and_is_with_what_was_not_used(api, run):
    clips = [
        correction("c1", "siren"),
        correction("c2", "siren", "a copy of a held-out recording"),
        correction("c3", "casual"),
    ]
    corrections = {
        "count": 5, "correct_before": 0, "correct": 3, "not_used": 1, "clips": clips,
    }  # fmt: skip
    left_out = {
        "count": 2, "clips": [{"key": "training/siren/a.wav", "reason": "The file is empty."}],
    }  # fmt: skip
    ended = {**ENDED, "corrections": corrections, "left_out": left_out}
    api.refusals = answers(ended)
    shown = run("retrain").stdout.splitlines()[2:]
    assert [" ".join(line.split()) for line in shown] == [
        "clip label was is now",
        "c1 casual siren 0.53 siren 0.91 still wrong",
        "c2 casual siren 0.53 siren 0.91 not used: a copy of a held-out recording",
        "c3 casual siren 0.53 casual 0.91",
        "… and 2 other corrections",
        "3 of 5 corrections right now; 0 before.",
        "not used: training/siren/a.wav: The file is empty.",
        "… and 1 other clip",
    ]
    api.refusals = answers({**ended, "state": "rejected"})
    rejected = run("retrain").stdout
    assert "is now" not in rejected
    assert "3 of 5 corrections right by the candidate; 0 before." in rejected


def test_a_check_starts_nothing(api, run):
    notes = {**OUTLOOK, "notes": ["One in five is held out."], "corrections": 1}
    api.refusals = [httpx.Response(200, json=notes)]
    done = run("retrain", "--check")
    assert done.exit_code == 0
    assert done.stdout.startswith("1 new correction, 240 labeled clips; ")
    assert done.stdout.endswith("\nOne in five is held out.\n")
    refused = {**OUTLOOK, "ready": False, "reasons": ["There are only 3 held-out clips."]}
    api.refusals = [httpx.Response(200, json=refused)] * 2
    done = run("retrain", "--check")
    assert (done.exit_code, done.stderr) == (1, "Error: There are only 3 held-out clips.\n")
    done = run("retrain", "--check", "--json")
    assert (done.exit_code, json.loads(done.stdout)) == (1, refused)
    assert {request.method for request in api.requests} == {"GET"}


def test_files_to_learn_from_are_posted(api, run, tmp_path):
    file = tmp_path / "siren_1.wav"
    file.write_bytes(b"RIFF")
    ended = {**ENDED, "state": "running", "version": None}
    api.refusals = answers(ended)[1:]
    done = run("retrain", file, "--no-wait", "--json")
    assert json.loads(done.stdout) == ended
    assert b'filename="siren_1.wav"' in api.requests[0].content
    api.refusals = answers(ended)
    assert run("retrain", file, "--no-wait").stdout.startswith("1 file; 214 held-out clips")
    for more in (("--prefix", "training/x/"), ("--check",)):
        assert run("retrain", file, *more).exit_code == 2
