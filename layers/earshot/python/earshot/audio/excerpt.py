"""A stretch of a recording as a file that every browser plays: 16 kHz mono WAV."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import soundfile

from earshot.audio.clip import Clip
from earshot.audio.decoder import no_samples
from earshot.audio.limits import Limits
from earshot.audio.log_mel import SAMPLE_RATE, Floats

# The HTTP API gives up after 30 s.
_LIMITS = Limits(cpu_s=20.0)


def excerpt(file: BinaryIO, start_s: float, end_s: float) -> bytes:
    """Cut a stretch out of a recording, of the very waveform that is classified.

    Args:
        file: seekable binary file; it stays open.
        start_s, end_s: of the stretch, in seconds from the recording's start; what lies before or
            after the recording is left out.

    Raises:
        RejectedClipError: the file cannot be decoded, or there is no sound at that place.
    """
    with Clip(file, _LIMITS) as clip:
        pieces = list(_between(clip.waveform_blocks(), start_s, end_s))
    if not pieces:
        raise no_samples()
    written = io.BytesIO()
    samples = np.clip(np.concatenate(pieces), -1, 1)
    soundfile.write(written, samples, SAMPLE_RATE, format="WAV", subtype="PCM_16")
    return written.getvalue()


def _between(blocks: Iterator[Floats], start_s: float, end_s: float) -> Iterator[Floats]:
    """What of a waveform lies between two times; no more is decoded than up to its end."""
    first, last = max(round(start_s * SAMPLE_RATE), 0), round(end_s * SAMPLE_RATE)
    at = 0
    for block in blocks:
        piece = block[max(first - at, 0) : max(last - at, 0)]
        if len(piece):
            yield piece
        at += len(block)
        if at >= last:
            return
