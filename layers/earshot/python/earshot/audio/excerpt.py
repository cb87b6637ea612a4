"""A stretch of a recording as a file that every browser plays: 16 kHz mono WAV at full scale."""

from __future__ import annotations

import io
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from earshot.audio.clip import full_scale_gain
from earshot.audio.decoder import Decoder, no_samples
from earshot.audio.limits import Limits
from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.audio.mixing import Mixer
from earshot.audio.samples import cleaned

# The HTTP API gives up after 30 s.
_LIMITS = Limits(cpu_s=20.0)


def excerpt(file: BinaryIO, start_s: float, end_s: float) -> bytes:
    """Cut a stretch out of a recording.

    Args:
        file: seekable binary file; it stays open.
        start_s, end_s: of the stretch, in seconds from the recording's start; what lies before or
            after the recording is left out.

    Raises:
        RejectedClipError: the file cannot be decoded, or there is no sound at that place.
    """
    start_s = max(start_s, 0.0)
    decoder = Decoder(file, _LIMITS)
    try:
        pieces = decoder.cut(start_s, end_s)
    finally:
        decoder.close()
    mono = [_mono(piece, rate) for piece, rate in pieces]
    if not any(len(piece) for piece in mono):
        raise no_samples()
    waveform = np.concatenate(mono)
    gain = full_scale_gain(float(np.abs(waveform).max()))
    written = io.BytesIO()
    samples = np.clip(waveform * gain, -1, 1)
    soundfile.write(written, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return written.getvalue()


def _mono(piece: Floats, rate: int) -> Floats:
    """``(samples,)`` at 16 kHz of ``(channels, frames)``, mixed as classify mixes."""
    block, _, _ = cleaned(piece)
    mixer = Mixer(len(block), rate)
    mixer.look(block)
    mixer.choose()
    mono: Floats = mixer.mix(block, 0)
    if rate != SAMPLE_RATE:
        mono = soxr.resample(mono, rate, SAMPLE_RATE)
    return mono
