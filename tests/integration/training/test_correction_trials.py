"""`python -m training.evaluation.correction_trials` as people run it, on synthesized sounds."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from local.settings import REPOSITORY
from training.data.demo_sounds import birdsong, write_clips, write_false_alarm

pytestmark = pytest.mark.long


@pytest.fixture
def ambient(tmp_path: Path) -> Path:
    """A stream of four segments, in three of which a bell rings that is taken for a siren."""
    folder = tmp_path / "ambient"
    folder.mkdir()
    bell, _ = soundfile.read(write_false_alarm(tmp_path), dtype="float32")
    rings = [np.concatenate([level * bell, level * birdsong(4.0, seed=n)]) for n, level in
             enumerate((0.2, 0.5, 1.0))]  # fmt: skip
    soundfile.write(folder / "street.flac", np.concatenate([*rings, birdsong(10.0)]), SAMPLE_RATE)
    return folder


def test_what_is_corrected_is_learned_and_figures_stand_beside_it(ambient: Path, tmp_path: Path):
    clips = tmp_path / "made" / "clips"
    write_clips(clips, n_each=2)
    command = [sys.executable, "-m", "training.evaluation.correction_trials"]
    command += ["--ambient", str(ambient), "--labeled", str(clips)]
    command += ["--trials", "1", "--corrected", "2"]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    printed = " ".join(re.sub("[^ -~]", " ", run.stdout).split())
    assert "3 of 4 segments are labeled a threat" in printed
    assert "right: corrected 0 of 2 2 (100%)" in printed
    assert "right: other recordings" in printed
    assert "macro F1: made/clips" in printed
    assert "alerts per hour" in printed
    (passed,) = re.findall("The gate lets ([01]) of 1 candidates pass", printed)
    assert ("Trial 1 is rejected: " in printed) is (passed == "0")


def test_without_enough_false_alarms_it_says_so(tmp_path: Path):
    folder = tmp_path / "ambient"
    folder.mkdir()
    soundfile.write(folder / "birds.flac", birdsong(10.0), SAMPLE_RATE)
    write_clips(tmp_path / "clips")
    command = [sys.executable, "-m", "training.evaluation.correction_trials"]
    command += ["--ambient", str(folder), "--labeled", str(tmp_path / "clips")]
    run = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert "0 false alarms are too few" in run.stderr
