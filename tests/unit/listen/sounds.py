"""Segments to keep and to send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from earshot_client.listen.segments import Segment

START = datetime(2026, 11, 27, 22, 0, 0, 123000, UTC)


def segment(second: float = 0, seconds: float = 1, seed: int = 0) -> Segment:
    """Noise that begins so many seconds after `START`."""
    rng = np.random.default_rng(seed)
    samples = rng.integers(-1000, 1000, round(16000 * seconds)).astype(np.int16)
    return Segment(samples, START + timedelta(seconds=second))
