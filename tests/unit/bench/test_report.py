"""The report of `make bench`: each measurement owns its keys, and goals are met or missed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import report


def test_a_measurement_replaces_its_own_keys_and_leaves_the_others(tmp_path: Path) -> None:
    file = tmp_path / "new folder" / "report.json"
    report.merge(file, {"image_size": {"classify_mb": 1}, "decode": {"ratio": 2}})
    report.merge(file, {"decode": {"ratio": 1}})
    assert json.loads(file.read_text()) == {
        "image_size": {"classify_mb": 1},
        "decode": {"ratio": 1},
    }
    assert report.read(file) == json.loads(file.read_text())


def test_a_report_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert report.read(tmp_path / "report.json") == {}


def test_goals_and_figures_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    spread = {"median": 0.7, "q1": 0.6, "q3": 0.8, "n": 5}
    report.show(
        {
            "machine": {"cores": 2},
            "cold_start": {"ratio": 0.05},
            "warm_clip": {"ratio_to_kernel": 1.5, "ours_s": spread},
        }
    )
    lines = capsys.readouterr().out.splitlines()
    assert "cores 2" in lines[0]
    (cold_start,) = [line for line in lines if "fresh process" in line]
    assert "0.05" in cold_start
    assert "met" in cold_start
    (warm,) = [line for line in lines if "bare float32 kernel" in line and "warm" in line]
    assert "missed" in warm
    (figure,) = [line for line in lines if "warm_clip ours_s" in line]
    assert "0.6 - 0.8" in figure
