"""Samples that no microphone gave: not numbers, or far beyond full scale."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from earshot.audio.log_mel import Floats

# 60 dB over full scale, and over what is typical of the block: 32-bit float recorders stay far
# below the one, and files of float samples that count like integers below the other.
_WILD = 1000.0


class Cleaned(NamedTuple):
    """A block without such samples.

    Attributes:
        block: ``(channels, frames)``, where they are 0.
        not_finite, wild: number of samples that were silenced.
    """

    block: Floats
    not_finite: int = 0
    wild: int = 0


def cleaned(block: Floats) -> Cleaned:
    """Silence NaN, infinity, and samples far beyond full scale and beyond all others."""
    if block.min() > -_WILD and block.max() < _WILD:  # false if anything is NaN
        return Cleaned(block)
    finite = np.isfinite(block)
    block = np.where(finite, block, np.float32(0))
    magnitude = np.abs(block).astype(np.float64)  # beyond single precision, maybe
    loud = magnitude[magnitude > 0]
    typical = float(np.median(loud)) if loud.size else 0.0
    wild = magnitude > _WILD * max(1.0, typical)
    block[wild] = 0
    return Cleaned(block, int(block.size - finite.sum()), int(wild.sum()))
