"""YAMNet's front end in numpy: 16 kHz waveform to log-mel patches, block by block.

Constants: tensorflow/models, research/audioset/yamnet/params.py. The numbers agree with
`tf.signal` in double precision to within 1e-5 (tests/integration/test_yamnet_parity.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
WINDOW_SAMPLES = 400  # 25 ms
HOP_SAMPLES = 160  # 10 ms
FFT_LENGTH = 512
MEL_BANDS = 64
MEL_MIN_HZ = 125.0
MEL_MAX_HZ = 7500.0
LOG_OFFSET = 0.001
PATCH_FRAMES = 96  # 0.96 s
PATCH_HOP_FRAMES = 48  # 0.48 s
PATCH_SAMPLES = (PATCH_FRAMES - 1) * HOP_SAMPLES + WINDOW_SAMPLES  # 15,600: 0.975 s
FRAME_S = HOP_SAMPLES / SAMPLE_RATE
PATCH_S = PATCH_FRAMES * FRAME_S

# YAMNet takes least time a patch at about this many (docs/performance.md); 15.8 s of a clip.
BATCH_PATCHES = 32
_BATCH_FRAMES = (BATCH_PATCHES - 1) * PATCH_HOP_FRAMES + PATCH_FRAMES
_FRAMES_AT_ONCE = 64  # so that what the transform needs stays in the processor's cache

Floats = NDArray[np.float32]


class PatchBatch(NamedTuple):
    """Consecutive patches of one clip.

    Attributes:
        starts: ``(n,)`` start of each patch in seconds from the start of the clip.
        patches: ``(n, 96, 64)`` float32 log-mel values.
    """

    starts: NDArray[np.float64]
    patches: Floats


@cache
def hann_window() -> NDArray[np.float64]:
    """Periodic Hann window, ``(400,)``."""
    phase = 2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES
    return np.asarray(0.5 - 0.5 * np.cos(phase))


def hertz_to_mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """HTK mel scale: ``1127 ln(1 + f / 700)`` (O'Shaughnessy 1987; the HTK Book)."""
    return np.asarray(1127.0 * np.log1p(np.asarray(hertz) / 700.0), dtype=np.float64)


@cache
def mel_weights() -> Floats:
    """Triangular mel filters, ``(257, 64)``; the zero-frequency bin has no weight."""
    bins_mel = hertz_to_mel(np.linspace(0.0, SAMPLE_RATE / 2, FFT_LENGTH // 2 + 1))
    edges = np.linspace(hertz_to_mel(MEL_MIN_HZ), hertz_to_mel(MEL_MAX_HZ), MEL_BANDS + 2)
    lower, center, upper = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins_mel[:, None] - lower) / (center - lower)
    falling = (upper - bins_mel[:, None]) / (upper - center)
    weights = np.maximum(0.0, np.minimum(rising, falling))
    weights[0] = 0.0
    return weights.astype(np.float32)


def log_mel_spectrogram(waveform: Floats) -> Floats:
    """Log-mel spectrogram of whole frames only: a tail under one window is left out.

    Args:
        waveform: ``(samples,)`` float32 at 16 kHz in -1..1.

    Returns:
        ``(frames, 64)`` float32, one frame each 10 ms.
    """
    if len(waveform) < WINDOW_SAMPLES:
        return np.empty((0, MEL_BANDS), np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(waveform, WINDOW_SAMPLES)[::HOP_SAMPLES]
    mel = np.empty((len(windows), MEL_BANDS), np.float32)
    # In double precision: the rounding noise of single precision would show between the harmonics
    # of a pure tone, and numpy's transform is no faster there.
    windowed = np.empty((_FRAMES_AT_ONCE, WINDOW_SAMPLES))
    spectrum = np.empty((_FRAMES_AT_ONCE, FFT_LENGTH // 2 + 1), np.complex128)
    for begin in range(0, len(windows), _FRAMES_AT_ONCE):
        some = windows[begin : begin + _FRAMES_AT_ONCE]
        n = len(some)
        np.multiply(some, hann_window(), out=windowed[:n])
        np.fft.rfft(windowed[:n], FFT_LENGTH, out=spectrum[:n])
        magnitude = np.abs(spectrum[:n].astype(np.complex64))
        np.matmul(magnitude, mel_weights(), out=mel[begin : begin + n])
    mel += np.float32(LOG_OFFSET)
    return np.log(mel, out=mel)


def frame_blocks(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """Log-mel frames of a waveform that is given in blocks, as if it were whole.

    Args:
        blocks: consecutive ``(samples,)`` float32 pieces of one 16 kHz waveform, of any lengths.

    Yields:
        ``(frames, 64)`` float32 for each block, in order; see `log_mel_spectrogram`.
    """
    samples = np.empty(0, np.float32)  # not yet in a frame, or shared with the next frame
    for block in blocks:
        samples = np.concatenate([samples, block])
        frames = log_mel_spectrogram(samples)
        samples = samples[len(frames) * HOP_SAMPLES :]
        yield frames


def patch_batches(blocks: Iterable[Floats]) -> Iterator[PatchBatch]:
    """Cut a waveform, given in blocks, into log-mel patches of 0.96 s, one each 0.48 s.

    Every frame of the clip is in some patch, and no patch of a clip of 0.975 s or more holds
    padding: where the hop does not divide the clip, a last patch ends with the clip's last frame.
    A shorter clip is padded with silence to one patch. Memory does not grow with the clip.

    Args:
        blocks: consecutive ``(samples,)`` float32 pieces of one 16 kHz waveform, of any lengths.

    Yields:
        Batches in order: of `BATCH_PATCHES`, and one of what is left.
    """
    frames = np.empty((0, MEL_BANDS), np.float32)  # of the clip, from frame `first` on
    first = 0
    next_start = 0  # frame at which the next patch starts
    for new_frames in frame_blocks(_padded(blocks)):
        frames = np.concatenate([frames, new_frames])
        while first + len(frames) >= next_start + _BATCH_FRAMES:
            yield _cut(frames, first, next_start + PATCH_HOP_FRAMES * np.arange(BATCH_PATCHES))
            next_start += BATCH_PATCHES * PATCH_HOP_FRAMES
            # Keep the last patch's frames: the clip's tail patch overlaps it.
            kept = next_start - PATCH_HOP_FRAMES
            frames, first = frames[kept - first :], kept
    tail = first + len(frames) - PATCH_FRAMES  # at which the patch starts that ends with the clip
    starts = np.arange(next_start, tail + PATCH_HOP_FRAMES, PATCH_HOP_FRAMES)
    if len(starts):
        yield _cut(frames, first, np.minimum(starts, tail))


def _padded(blocks: Iterable[Floats]) -> Iterator[Floats]:
    """The same blocks, and silence after them if they are too short for a patch."""
    n_samples = 0
    for block in blocks:
        n_samples += len(block)
        yield block
    if n_samples < PATCH_SAMPLES:
        yield np.zeros(PATCH_SAMPLES - n_samples, np.float32)


def _cut(frames: Floats, first: int, starts: NDArray[np.int64]) -> PatchBatch:
    """Patches that start at clip frames `starts`, of `frames` that begin at clip frame `first`."""
    patches = frames[(starts - first)[:, None] + np.arange(PATCH_FRAMES)]
    return PatchBatch(np.asarray(starts * FRAME_S, np.float64), patches)
