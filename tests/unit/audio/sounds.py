"""Sounds to decode, made here."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from earshot.audio.clip import Clip
from earshot.errors import RejectedClipError

RATE = 16_000


def tone(rate: int = RATE, seconds: float = 1.0, hertz: float = 440.0) -> np.ndarray:
    """A tone at half of full scale."""
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def siren(seconds: float = 3.0) -> np.ndarray:
    """A tone that goes up and down, at half of full scale."""
    t = np.arange(int(RATE * seconds)) / RATE
    return 0.5 * np.sin(2 * np.pi * np.cumsum(1000 + 400 * np.sin(2 * np.pi * t)) / RATE)


def wav(samples: np.ndarray, rate: int = RATE, **options: str) -> io.BytesIO:
    """A WAV, or what `options` say."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **({"format": "WAV", "subtype": "PCM_16"} | options))
    file.seek(0)
    return file


def waveform(file: io.BytesIO) -> np.ndarray:
    """All of a clip's waveform."""
    return decoded(file)[0]


def decoded(file: io.BytesIO) -> tuple[np.ndarray, str]:
    """A clip's waveform and its warnings, in one line."""
    with Clip(file) as clip:
        samples = np.concatenate(list(clip.waveform_blocks()))
        assert np.isfinite(samples).all()
        return samples, "; ".join(clip.warnings)


def rejection(content: bytes) -> RejectedClipError:
    """Why a file is rejected."""
    with pytest.raises(RejectedClipError) as caught:
        waveform(io.BytesIO(content))
    assert "Accepted is WAV" in caught.value.detail
    return caught.value


def likeness(found: np.ndarray, wanted: np.ndarray) -> float:
    """Correlation of two waveforms, whatever their signs."""
    n = min(len(found), len(wanted))
    return float(abs(np.corrcoef(found[:n], wanted[:n])[0, 1]))
