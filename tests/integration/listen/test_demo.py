"""`make listen-demo` asserts each of its steps by itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.mosquitto import PROGRAM
from local.settings import REPOSITORY


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_a_night_at_a_microphone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "local.listen_demo"],
        cwd=REPOSITORY,
        env=os.environ | {"EARSHOT_LOCAL_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ways = "webhook and MQTT" if PROGRAM else "webhook"
    assert f"alerts about two shots and a siren by {ways}\n" in done.stdout
    assert "none lost and none doubled" in done.stdout
    assert "alert about the silent source" in done.stdout
