"""Pitch shift and time stretch.

Their artifacts smear the onsets of gunshots, so neither is used by default.
"""

from __future__ import annotations

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE, Floats

# librosa takes a second to import, and nothing else needs it.


def shift_pitch(waveform: Floats, semitones: float) -> Floats:
    """The waveform `semitones` higher, at the same speed."""
    import librosa

    shifted = librosa.effects.pitch_shift(waveform, sr=SAMPLE_RATE, n_steps=semitones)
    return np.asarray(shifted, np.float32)


def stretch_time(waveform: Floats, rate: float) -> Floats:
    """The waveform `rate` times as fast, at the same pitch."""
    import librosa

    return np.asarray(librosa.effects.time_stretch(waveform, rate=rate), np.float32)
