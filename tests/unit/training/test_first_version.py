"""Training a first version: where it may write, and for how long it trains."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from earshot.labels import Label
from local.settings import REPOSITORY
from training import evaluate, first_version, train
from training.adaptation.sampling import AdaptationConfig
from training.adaptation.sources import broadened, noise_counts, sesa
from training.data.labeled_clips import LabeledClip
from training.yamnet import MODELS


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], out: Path, *options: str
) -> str:
    monkeypatch.setattr(sys, "argv", ["train", "--data", "nowhere", "--out", str(out), *options])
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


def test_a_folder_without_labeled_clips_is_refused_in_a_sentence(
    monkeypatch, capsys, tmp_path: Path
) -> None:
    assert "No labeled WAV under nowhere" in refused(monkeypatch, capsys, tmp_path / "v2")
    monkeypatch.setattr(sys, "argv", ["evaluate", "--data", "nowhere"])
    with pytest.raises(SystemExit, match=r"^No labeled WAV under nowhere: .*siren\.$"):
        evaluate.main()


def test_a_version_and_its_yamnet_are_in_one_folder(tmp_path: Path) -> None:
    files = first_version.Files("source", tmp_path / "v2", tmp_path / "scratch")
    assert files.yamnet == tmp_path / "v2" / "yamnet"


@pytest.mark.parametrize(
    ("n_clips", "steps", "noise"),
    [
        (4, 80, (1, 3, 2)),
        (40, 80, (3, 30, 15)),
        (400, AdaptationConfig.steps, (30, 300, 150)),
        (6000, AdaptationConfig.steps, (30, 300, 150)),
    ],
)
def test_few_clips_take_few_batches_and_little_noise_and_many_those_of_the_release(
    n_clips: int, steps: int, noise: tuple[int, int, int]
) -> None:
    clips = [LabeledClip(Path("siren.wav"), Label.SIREN, "siren")] * (n_clips // 4)
    sources = [sesa(clips), broadened(clips * 3)]
    assert first_version.steps_for(sources) == steps
    assert noise_counts(sources) == noise


def test_processes_that_embed_do_not_import_tensorflow() -> None:
    check = "import sys, training.train; assert not {'tensorflow', 'keras'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", check], cwd=REPOSITORY, check=True)


@pytest.mark.parametrize("folds", ["-1", "4"])
def test_more_folds_than_there_are_are_refused(folds: str, monkeypatch, capsys, tmp_path) -> None:
    out = tmp_path / "v2"
    assert "choose from 0, 1, 2, 3" in refused(monkeypatch, capsys, out, "--folds", folds)
