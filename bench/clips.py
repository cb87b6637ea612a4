"""The recordings that are measured with."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from training.data.demo_sounds import siren

SHORT_S = 10.0


def short_waveform() -> Floats:
    """``(160000,)``: ten seconds at 16 kHz."""
    return siren(SHORT_S).astype(np.float32)


def wav(waveform: Floats, rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> bytes:
    """A WAV of ``(samples,)`` or ``(samples, channels)``."""
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def short_clip() -> bytes:
    """Ten seconds, 16 kHz 16-bit mono."""
    return wav(short_waveform())


def studio_clip() -> bytes:
    """Ten seconds as a field recorder has them: 48 kHz, 24-bit, stereo."""
    waveform = np.repeat(short_waveform(), 3)
    return wav(np.stack([waveform, 0.5 * waveform], axis=1), 48_000, "PCM_24")


def write_long_clip(path: Path, seconds: float) -> None:
    """16 kHz 16-bit mono, written piece by piece."""
    piece = siren(60.0).astype(np.float32)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE, 1, "PCM_16", format="WAV") as file:
        left = int(seconds * SAMPLE_RATE)
        while left > 0:
            file.write(piece[:left])
            left -= len(piece)
