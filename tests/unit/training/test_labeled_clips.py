"""Labeled clips on disk: which there are, and which can be decoded."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.data.demo_sounds import write_clips
from training.data.labeled_clips import decodable_clips, labeled_clips


def test_a_broken_clip_is_named_and_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    write_clips(tmp_path)
    (tmp_path / "siren_broken.wav").write_bytes(b"RIFF, but no more")
    (tmp_path / "gunshot_empty.wav").touch()
    (tmp_path / "notes.txt").write_text("no clip")
    assert len(labeled_clips(tmp_path)) == 6
    assert len(decodable_clips(tmp_path)) == 4
    said = capsys.readouterr().err.splitlines()
    assert [line.split(": ")[:2] for line in said] == [
        ["Left out", str(tmp_path / "gunshot_empty.wav")],
        ["Left out", str(tmp_path / "siren_broken.wav")],
    ]


def test_a_folder_of_nothing_but_broken_clips_is_an_error(tmp_path: Path):
    (tmp_path / "siren_broken.wav").write_bytes(b"no WAV")
    with pytest.raises(FileNotFoundError, match="can be decoded"):
        decodable_clips(tmp_path)
    with pytest.raises(FileNotFoundError, match="No labeled WAV"):
        labeled_clips(tmp_path / "nowhere")


def test_clips_of_the_same_name_in_two_folders_are_two_recordings(tmp_path: Path):
    for label in ("siren", "casual"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "0.wav").touch()
    assert len({clip.group for clip in labeled_clips(tmp_path)}) == 2


def test_files_that_are_no_labeled_clips_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    write_clips(tmp_path)
    (tmp_path / "glass_001.wav").write_bytes((tmp_path / "siren_000.wav").read_bytes())
    (tmp_path / "siren_001.flac").touch()
    assert len(decodable_clips(tmp_path)) == 4
    glass, flac = capsys.readouterr().err.splitlines()
    assert "glass_001.wav: neither its name nor its folder states casual, gunshot" in glass
    assert flac.endswith("siren_001.flac: not a WAV")
