"""The clip that everyone sends."""

from __future__ import annotations

import io

import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from training.data.demo_sounds import siren


def clip(seconds: float = 2.0) -> bytes:
    """A short recording, 16 kHz 16-bit mono: 64 kB."""
    file = io.BytesIO()
    soundfile.write(file, siren(seconds), SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return file.getvalue()
