"""Ambient folders: kinds, labels and tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label
from training.evaluation.ambient import Cut, ambient_recordings, pieces


def write(path: Path, seconds: float = 1.0, rate: int = SAMPLE_RATE, channels: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tone = 0.25 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)
    opus = {"format": "OGG", "subtype": "OPUS"} if path.suffix == ".opus" else {}
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate, **opus)


def test_kinds_are_of_folders_or_else_of_files(tmp_path: Path) -> None:
    for name in ("music/a.ogg", "music/b.flac", "home/kitchen/pan.wav", "rain.opus", "x__dog.wav"):
        write(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no sound")
    kinds = {r.path.name: (r.kind, r.group) for r in ambient_recordings(tmp_path)}
    assert kinds == {
        "a.ogg": ("music", "music"),
        "b.flac": ("music", "music"),
        "pan.wav": ("home/kitchen", "home"),
        "rain.opus": ("rain", "rain"),
        "x__dog.wav": ("x/dog", "x"),
    }


def test_kinds_tell_threats_and_what_is_reported_apart(tmp_path: Path) -> None:
    for kind in ("siren", "gun_shot", "fireworks", "car_horn", "clock-alarm", "thunder"):
        write(tmp_path / f"set__{kind}.wav")
    labels = {r.kind.partition("/")[2]: r.label for r in ambient_recordings(tmp_path)}
    assert labels == {
        "siren": Label.SIREN,
        "gun_shot": Label.GUNSHOT,
        "fireworks": None,
        "car_horn": None,
        "clock-alarm": None,
        "thunder": Label.CASUAL,
    }


def test_a_table_beside_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "hours" / "a.wav", 3)
    write(tmp_path / "hours" / "b.wav", 3)
    (tmp_path / "hours.csv").write_text(
        "file,kind,recording,start_s,duration_s\n"
        "hours/a.wav,street/siren,first,0.0,1.0\nhours/a.wav,street/siren,second,1.0,2.0\n"
    )
    a, b = ambient_recordings(tmp_path / "hours")
    assert (a.kind, a.label) == ("street/siren", Label.SIREN)
    assert a.cuts == (Cut("first", 0.0, 1.0), Cut("second", 1.0, 2.0))
    assert (b.kind, b.label, b.cuts) == ("b", Label.CASUAL, ())


def test_a_table_inside_states_labels(tmp_path: Path) -> None:
    for name in ("horn.wav", "toy.wav", "test.wav"):
        write(tmp_path / name)
    (tmp_path / "manifest.csv").write_text(
        "file,kind,label\nhorn.wav,horn,siren\ntoy.wav,toy/siren,casual\ntest.wav,test,apart\n"
    )
    labels = {r.path.name: r.label for r in ambient_recordings(tmp_path)}
    assert labels == {"horn.wav": Label.SIREN, "toy.wav": Label.CASUAL, "test.wav": None}


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"\.opus"):
        ambient_recordings(tmp_path)
    write(tmp_path / "a.wav")
    (tmp_path / "manifest.csv").write_text("file,label\na.wav,casual\n")
    with pytest.raises(ValueError, match="lacks the column kind"):
        ambient_recordings(tmp_path)
    (tmp_path / "manifest.csv").write_text("file,kind,label\na.wav,a,loud\n")
    with pytest.raises(ValueError, match="loud"):
        ambient_recordings(tmp_path)


def test_it_is_read_at_its_own_level_and_whole_or_in_part(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", 2.0, rate=44100, channels=2)
    (recording,) = ambient_recordings(tmp_path)
    whole, part = recording.read(), recording.read(0.5, 1.0)
    assert recording.duration_s == 2.0
    assert (len(whole), len(part)) == (2 * SAMPLE_RATE, SAMPLE_RATE)
    assert np.abs(whole).max() == pytest.approx(0.25, rel=0.02)
    middle = slice(1000, -1000)  # resampling rings at the ends
    np.testing.assert_allclose(part[middle], whole[8000:24000][middle], atol=1e-3)


def test_pieces_leave_a_short_rest() -> None:
    waveform = np.zeros(round(25.5 * SAMPLE_RATE), np.float32)
    lengths = [(start, len(piece) / SAMPLE_RATE) for start, piece in pieces(waveform, 10, 1)]
    assert lengths == [(0.0, 10.0), (10.0, 10.0), (20.0, 5.5)]
    assert len(list(pieces(waveform, 10, 6))) == 2


def test_everyday_sound_is_such_a_folder(everyday: Path) -> None:
    recordings = ambient_recordings(everyday / "dev")
    threats = {r.kind for r in recordings if r.label not in (None, Label.CASUAL)}
    apart = {r.kind for r in recordings if r.label is None}
    assert threats == {"esc50/siren"}
    assert apart == {"esc50/fireworks", "esc50/clock_alarm", "esc50/car_horn"}
    hours = sum(r.duration_s for r in recordings) / 3600
    assert hours == pytest.approx(4.49, abs=0.01)
    assert all(r.cuts for r in recordings)
