"""What a local stack holds is on the disk: it is there after `down` and `up`, and after a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from local.emulator.autosave import Autosave
from tests.clips import sweep
from tests.stack import LocalStack, free_port, wait_for


@pytest.fixture
def kept_stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack that keeps its state."""
    stack = LocalStack(tmp_path / "local", free_port(), {"STATE": "on", "TOKENS": "off"})
    yield stack
    stack.run("down", "--forget")


def post(stack: LocalStack, source: str) -> dict[str, Any]:
    """Post a clip; its result."""
    answer = stack.request(
        "POST", f"/predict?source={source}", sweep(), {"Content-Type": "audio/wav"}, token=None
    )
    assert answer.status == 200, answer.data
    found: dict[str, Any] = answer.json()
    return found


def holds(stack: LocalStack, result: dict[str, Any]) -> None:
    """The stack has this result, and its clip."""
    answer = stack.request("GET", f"/results/{result['clip_id']}", token=None)
    assert answer.status == 200, answer.data
    assert answer.json()["source"] == result["source"]
    clip = stack.client("s3").get_object(Bucket=result["bucket"], Key=result["key"])
    assert clip["Body"].read() == sweep()


def saved(stack: LocalStack, result: dict[str, Any]) -> bool:
    """Whether the row is on the disk."""
    file = stack.folder / "state" / "services" / "dynamodb.json"
    return file.exists() and result["clip_id"] in file.read_text()


@pytest.mark.long
def test_results_and_clips_survive_down_and_a_crash_until_they_are_to_be_forgotten(
    kept_stack: LocalStack,
) -> None:
    up = kept_stack.run("up")
    assert up.returncode == 0, up.stderr
    assert "stay on the\ndisk" in up.stdout
    first = post(kept_stack, "before-down")
    down = kept_stack.run("down")
    assert "FORGET=1" in down.stdout

    up = kept_stack.run("up")
    assert up.returncode == 0, up.stderr
    holds(kept_stack, first)
    second = post(kept_stack, "before-crash")
    wait_for(lambda: saved(kept_stack, second))
    process = psutil.Process(kept_stack.pid)
    process.kill()
    process.wait(10)

    up = kept_stack.run("up")
    assert up.returncode == 0, up.stderr
    holds(kept_stack, first)
    holds(kept_stack, second)
    third = post(kept_stack, "after-crash")
    holds(kept_stack, third)

    assert kept_stack.run("down", "--forget").returncode == 0
    assert [file.name for file in kept_stack.folder.iterdir()] == ["emulator.log"]


def test_only_what_has_changed_is_written(tmp_path: Path) -> None:
    states: dict[str, Any] = {"a": {"n": 1}, "b": {"n": 1}, "c": None}
    saving = Autosave(tmp_path, lambda: {name: partial(states.get, name) for name in states})
    assert saving.save() == ["a", "b"]
    states["b"] = {"n": 2}
    assert saving.save() == ["b"]
    assert json.loads((tmp_path / "b.json").read_text())["payload"] == {"n": 2}
    states["a"] = {"n": object()}
    assert saving.save() == [], "what cannot be saved stays as it was"
    assert json.loads((tmp_path / "a.json").read_text())["payload"] == {"n": 1}
