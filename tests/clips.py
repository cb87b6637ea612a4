"""Recordings to send."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE


def wav(samples: np.ndarray, subtype: str = "PCM_16", rate: int = SAMPLE_RATE) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return file.getvalue()


def sweep() -> bytes:
    """One second of a rising tone as a WAV."""
    seconds = np.arange(16000) / 16000
    tone = 0.3 * np.sin(2 * np.pi * (400 + 400 * seconds) * seconds)
    return wav(tone)
