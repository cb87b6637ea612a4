"""The command `earshot`, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.stack import LocalStack


def run(stack: LocalStack, *arguments: object) -> Any:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "EARSHOT_API_URL": stack.outputs["ApiUrl"],
        "EARSHOT_TOKEN": stack.token(),
    }
    done = subprocess.run(
        [sys.executable, "-m", "earshot_client.cli", *map(str, arguments), "--json"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_a_folder_is_uploaded_found_and_corrected(
    local_stack: LocalStack, siren_wav: bytes, tmp_path: Path
) -> None:
    for n in range(3):
        (tmp_path / f"{n}.wav").write_bytes(siren_wav)
    uploaded = run(local_stack, "upload", tmp_path, "--source", "cli")
    assert [one["label"] for one in uploaded] == ["siren"] * 3
    found = run(local_stack, "results", "--source", "cli", "--since", "1h")
    assert {one["clip_id"] for one in found} == {one["clip_id"] for one in uploaded}
    clip_id = found[0]["clip_id"]
    answer = run(local_stack, "feedback", clip_id, "casual", "--comment", "a test")
    assert answer["verified_label"] == "casual"
    (posted,) = run(local_stack, "predict", tmp_path / "0.wav", "--source", "cli")
    assert posted["label"] == "siren"
    assert run(local_stack, "status")["model"]["version"] == "v1"


def test_classify_needs_no_stack(local_stack: LocalStack, siren_wav: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(siren_wav)
    (tmp_path / "b.wav").write_bytes(b"text")
    classified, broken = run(local_stack, "classify", tmp_path / "a.wav", tmp_path / "b.wav")
    assert (classified["label"], broken["status"]) == ("siren", "rejected")
