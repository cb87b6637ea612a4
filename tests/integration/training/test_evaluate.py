"""`python -m training.evaluate` as people run it, on synthesized sounds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from local.settings import REPOSITORY
from training.data.demo_sounds import birdsong, siren, write_clips


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    write_clips(tmp_path / "clips")
    for path in (tmp_path / "clips").glob("casual_*"):
        path.rename(path.with_name(f"glass_{path.stem}.wav"))  # so none is casual
    return tmp_path / "clips"


@pytest.fixture
def ambient(tmp_path: Path) -> Path:
    folder = tmp_path / "ambient"
    folder.mkdir()
    soundfile.write(folder / "birds.flac", birdsong(40.0), SAMPLE_RATE)
    soundfile.write(folder / "toy.flac", siren(20.0), SAMPLE_RATE)  # a kind that raises alerts
    return folder


@pytest.mark.long
def test_a_report_with_everyday_sound(clips: Path, ambient: Path, tmp_path: Path) -> None:
    out, path = tmp_path / "out", tmp_path / "figures.json"
    command = [sys.executable, "-m", "training.evaluate", "--data", str(clips)]
    command += ["--ambient", str(ambient), "--out", str(out), "--json", str(path)]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert "Left out" in run.stderr
    assert "glass_casual_000.wav" in run.stderr
    figures = json.loads(path.read_text())
    assert figures["n"] == 3
    assert figures["looks"]["evaluations"] >= 1
    everyday = figures["everyday"]
    assert everyday["segments"] == 6
    assert everyday["by_kind"]["toy"]["siren"]["count"] == 2
    assert everyday["by_kind"]["birds"]["any"]["count"] == 0
    assert everyday["threats"]["siren, clips"]["labeled"]["recall"] == 1.0
    assert everyday["threats"]["gunshot mixed in at 10 dB"]["clips"] == 3
    (alarm, _) = sorted((out / "false_alarms").glob("toy__siren__*.wav"))
    assert soundfile.info(alarm).duration == 10.0
    assert (out / "operating_siren.svg").is_file()
    assert "false alerts per hour" in run.stdout
