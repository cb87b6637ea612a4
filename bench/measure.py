"""Medians with their spread, and ratios of what was measured in turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np


def interleaved(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, list[float]]:
    """Seconds that each call reports, called in turns.

    In turns, because what else the machine does changes from one minute to the next: a ratio of
    neighbors in time still holds then, while one of two blocks does not.
    """
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            seconds[name].append(call())
    return seconds


def spread(values: Sequence[float], digits: int = 5) -> dict[str, float | int]:
    """Median, quartiles and number of the values."""
    q1, median, q3 = (round(float(q), digits) for q in np.percentile(values, [25, 50, 75]))
    return {"median": median, "q1": q1, "q3": q3, "n": len(values)}


def ratio(ours: Sequence[float], reference: Sequence[float]) -> dict[str, float | int]:
    """Spread of the ratios of neighbors in time."""
    return spread([a / b for a, b in zip(ours, reference, strict=True)], digits=4)
