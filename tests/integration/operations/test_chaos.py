"""Nothing is lost or doubled while calls fail, workers are killed and messages come twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from local.settings import REPOSITORY

pytestmark = pytest.mark.long


def test_two_hundred_uploads_under_faults(tmp_path: Path) -> None:
    out = tmp_path / "faults.json"
    run = subprocess.run(
        [sys.executable, "-m", "tests.chaos", "--n", "200", "--out", str(out)],
        cwd=REPOSITORY,
        env=os.environ,
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    report = json.loads(out.read_text())
    assert report["results"]["sent"] == 200
    assert report["alerts"]["expected"] > 50
    # There were faults to withstand.
    assert report["faults"]["workers killed"] > 3
    assert sum(n for kind, n in report["faults"].items() if kind.endswith(" after")) > 0
    assert report["emulator restarted"]["waited"] > 0
