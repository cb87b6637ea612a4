"""A head for tests, of as few units as a test needs."""

from __future__ import annotations

import numpy as np

from earshot.model.head import Head, ScoreGroups


def sample_head(groups: ScoreGroups | None = None, hidden: int = 2) -> Head:
    """A head whose weights are all one, with alert thresholds of 0.7, 0.8 and 0.9."""
    groups = groups or ScoreGroups(np.array([0], np.int32), np.array([0], np.int32))
    units = hidden + len(groups.starts)
    return Head(
        groups=groups,
        kernel_0=np.ones((1024, hidden), np.float32),
        bias_0=np.zeros(hidden, np.float32),
        kernel_mean=np.ones((units, 4), np.float32),
        kernel_max=np.ones((units, 4), np.float32),
        bias_1=np.zeros(4, np.float32),
        temperature=2.0,
        alert_thresholds=np.array([0.6, 0.7, 0.8, 0.9], np.float32),
        length_slopes=np.zeros(4, np.float32),
        pair_shares=np.full(4, 0.5, np.float32),
    )
