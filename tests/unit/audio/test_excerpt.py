"""Stretches cut out of recordings, in each format, against what was put there."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from earshot.audio.excerpt import excerpt
from earshot.errors import RejectedClipError


def recording(rate: int, channels: int = 1, **options: str) -> io.BytesIO:
    """Ten seconds of faint hiss, with a tone of 440 Hz from 4 s to 5 s."""
    t = np.arange(10 * rate) / rate
    noise = 1e-3 * np.random.default_rng(0).standard_normal((len(t), channels))
    tone = 0.1 * np.sin(2 * np.pi * 440 * t) * ((t >= 4) & (t < 5))
    file = io.BytesIO()
    soundfile.write(file, noise + tone[:, None], rate, **options)
    file.seek(0)
    return file


def tone_in(wav: bytes) -> tuple[float, float, float]:
    """Length of a WAV, and from when to when the tone is in it."""
    samples, rate = soundfile.read(io.BytesIO(wav))
    assert (rate, samples.ndim) == (16000, 1)
    pieces = samples[: len(samples) // 160 * 160].reshape(-1, 160)
    (loud,) = np.nonzero(np.sqrt((pieces**2).mean(axis=1)) > 0.15)
    return len(samples) / rate, loud[0] / 100, (loud[-1] + 1) / 100


@pytest.mark.parametrize(
    ("rate", "channels", "options"),
    [
        (16000, 1, {"format": "WAV", "subtype": "PCM_16"}),
        (48000, 2, {"format": "WAV", "subtype": "PCM_24"}),
        (44100, 1, {"format": "FLAC"}),
        (8000, 1, {"format": "WAV", "subtype": "GSM610"}),
        (48000, 2, {"format": "OGG", "subtype": "VORBIS"}),
        (44100, 2, {"format": "MP3", "subtype": "MPEG_LAYER_III"}),
    ],
)
def test_an_event_is_where_it_was_in_each_format(rate, channels, options):
    length, start, end = tone_in(excerpt(recording(rate, channels, **options), 2.0, 7.0))
    assert length == pytest.approx(5.0, abs=0.05)
    assert start == pytest.approx(2.0, abs=0.06)
    assert end == pytest.approx(3.0, abs=0.06)


def test_a_stretch_ends_where_the_recording_does():
    whole = recording(16000, format="WAV", subtype="PCM_16")
    assert tone_in(excerpt(whole, -2.0, 4.5))[0] == pytest.approx(4.5)
    assert tone_in(excerpt(whole, 3.0, 30.0))[0] == pytest.approx(7.0)
    with pytest.raises(RejectedClipError):
        excerpt(whole, 20.0, 30.0)


def test_recordings_that_are_chained_are_one():
    parts = [recording(48000, format="OGG", subtype="VORBIS").getvalue() for _ in range(2)]
    length, start, end = tone_in(excerpt(io.BytesIO(b"".join(parts)), 12.0, 17.0))
    assert length == pytest.approx(5.0, abs=0.05)
    assert start == pytest.approx(2.0, abs=0.06)
    assert end == pytest.approx(3.0, abs=0.06)
