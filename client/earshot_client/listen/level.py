"""How loud a segment is, and whether its microphone works."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

FULL_SCALE = 32768
# Quieter than the noise of any microphone that is switched on: one bit of 16 is at -90 dBFS.
SILENT_DBFS = -85.0
# A loud event clips a few samples; a gain that is set too high clips more than these.
CLIPPED_SHARE = 0.01
_FLOOR_DBFS = -120.0


@dataclass(frozen=True)
class Level:
    """Level of a segment.

    Attributes:
        rms_dbfs: of all samples; 0 is a square wave at full scale, -120 is digital silence.
        peak_dbfs: of the highest sample.
        clipped: share of samples at full scale, 0..1.
        stuck: every sample is the same, and not zero.
    """

    rms_dbfs: float
    peak_dbfs: float
    clipped: float
    stuck: bool

    @property
    def fault(self) -> str | None:
        """What is wrong with the microphone, for a person; None if nothing is."""
        if self.stuck:
            return "stuck: every sample has the same value"
        if self.rms_dbfs < SILENT_DBFS:
            return f"silent: {self.rms_dbfs:.0f} dBFS"
        if self.clipped >= CLIPPED_SHARE:
            return f"clipped: {self.clipped:.0%} of the samples are at full scale"
        return None

    def __str__(self) -> str:
        return f"{self.rms_dbfs:.1f} dBFS, peak {self.peak_dbfs:.1f}"


def level_of(samples: Samples) -> Level:
    """Level of ``(n,)`` samples, ``n >= 1``."""
    wide = samples.astype(np.float64)
    low, high = int(samples.min()), int(samples.max())
    return Level(
        rms_dbfs=_dbfs(float(np.sqrt(np.mean(wide**2)))),
        peak_dbfs=_dbfs(float(max(high, -low))),
        clipped=float(np.mean((samples >= FULL_SCALE - 1) | (samples <= -FULL_SCALE))),
        stuck=low == high != 0,
    )


def _dbfs(amplitude: float) -> float:
    if amplitude <= 0:
        return _FLOOR_DBFS
    return max(_FLOOR_DBFS, round(20 * float(np.log10(amplitude / FULL_SCALE)), 1))
