"""Augmented copies of a clip, of the kinds that a retraining may ask for."""

from __future__ import annotations

import numpy as np

from earshot.audio.log_mel import Floats
from training.data.augment import add_noise, colored_noise, loop_to_length
from training.data.phase_vocoder import shift_pitch, stretch_time

NOISE_SNR_DB = (5.0, 25.0)
BACKGROUND_SNR_DB = (3.0, 20.0)
PITCH_SEMITONES = (-2.0, 2.0)
STRETCH_RATE = (0.9, 1.1)


def copy_of(
    waveform: Floats, kind: str, rng: np.random.Generator, background: Floats | None = None
) -> Floats:
    """An augmented copy of a waveform.

    Args:
        waveform: ``(samples,)`` at 16 kHz.
        kind: ``noise``, ``pitch``, ``stretch`` or ``background``.
        rng: draws the strength.
        background: ``(samples,)`` at 16 kHz to mix under it; for ``background``.

    Returns:
        ``(samples,)`` float32; ``stretch`` changes their number.

    Raises:
        ValueError: the kind is unknown, or there is no background.
    """
    if kind == "noise":
        noise = colored_noise(len(waveform), rng.uniform(0.0, 2.0), rng)
        return add_noise(waveform, noise, rng.uniform(*NOISE_SNR_DB))
    if kind == "background":
        if background is None or not len(background):
            raise ValueError("there is no background to mix in")
        bed = loop_to_length(background, len(waveform), rng)
        return add_noise(waveform, bed, rng.uniform(*BACKGROUND_SNR_DB))
    if kind == "pitch":
        return shift_pitch(waveform, rng.uniform(*PITCH_SEMITONES))
    if kind == "stretch":
        return stretch_time(waveform, rng.uniform(*STRETCH_RATE))
    raise ValueError(f"unknown augmentation: {kind}")
