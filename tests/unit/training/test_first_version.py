"""Training a first version: where it may write, and for how long it trains."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from training import train
from training.adaptation.sampling import AdaptationConfig
from training.yamnet import MODELS


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path) -> str:
    monkeypatch.setattr(sys, "argv", ["train", "--data", "nowhere", "--out", str(out)])
    with pytest.raises(SystemExit) as end:
        train.main()
    assert end.value.code == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_what_serves_is_not_written_over(monkeypatch, capsys) -> None:
    assert "v1 holds a model already" in refused(monkeypatch, capsys, MODELS / "v1")


@pytest.mark.parametrize("name", ["yamnet", "new", "v0", "2"])
def test_a_folder_whose_name_names_no_version_is_refused(
    name: str, monkeypatch, capsys, tmp_path: Path
) -> None:
    assert "OUT=models/v2" in refused(monkeypatch, capsys, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_a_version_and_its_yamnet_are_in_one_folder(tmp_path: Path) -> None:
    files = train.Files("source", tmp_path / "v2", tmp_path / "scratch")
    assert files.yamnet == tmp_path / "v2" / "yamnet"


def test_few_clips_take_few_batches_and_many_those_of_the_release() -> None:
    assert [train.steps_for(n) for n in (4, 40, 400, 6000)] == [
        100,
        125,
        AdaptationConfig.steps,
        AdaptationConfig.steps,
    ]
