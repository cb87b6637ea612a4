"""`make demo` shows the product: results, an alert that arrives, and what to do next."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from local.settings import REPOSITORY
from tests.stack import USERS_SETTINGS

ROW = re.compile(r"│ (\w+)_\d+\.wav +│ (\w+) +│")


def test_it_ends_with_results_alerts_and_three_ways_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.demos.classify"],
        cwd=REPOSITORY,
        env=os.environ | USERS_SETTINGS | {"EARSHOT_LOCAL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows = ROW.findall(done.stdout)
    assert len(rows) == 8
    assert all(named == label for named, label in rows)
    alerts = re.findall(r"^ALERT (\w+) at demo, .* into \1_\d+\.wav", done.stdout, re.MULTILINE)
    assert sorted(alerts) == ["explosion", "gunshot", "siren"]
    *_, interface, own, microphone = done.stdout.splitlines()
    assert "make up ui" in interface
    assert "make demo WAV=" in own
    assert "make up listen" in microphone
