"""From single requests to the figures of a load test."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

# What the ramp has stirred up has settled by then.
SETTLE_S = 5.0
# A second with fewer answers says nothing by its median.
MIN_IN_A_SECOND = 5


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """Median, 95th and 99th percentile, and the longest."""
    p50, p95, p99, longest = np.percentile(seconds, [50, 95, 99, 100])
    values = {"p50_s": p50, "p95_s": p95, "p99_s": p99, "max_s": longest}
    return {name: round(float(value), 3) for name, value in values.items()}


def summary(
    samples: Sequence[dict[str, Any]], began_at: float, ramp_s: float, run_s: float
) -> dict[str, Any]:
    """Figures of a run.

    Args:
        samples: requests as `locustfile` writes them.
        began_at: epoch seconds at which the first user came.
        ramp_s: until the last user had come.
        run_s: until no new request was sent.
    """
    ends = [sample["began_at"] + sample["seconds"] for sample in samples]
    in_run = sum(end <= began_at + run_s for end in ends)
    steady_from = began_at + ramp_s + SETTLE_S
    by_second = defaultdict(list)
    for sample, end in zip(samples, ends, strict=True):
        if steady_from <= end <= began_at + run_s:
            by_second[int(end - steady_from)].append(sample["seconds"])
    steady = [median(s) for _, s in sorted(by_second.items()) if len(s) >= MIN_IN_A_SECOND]
    n_steady = sum(map(len, by_second.values()))
    steady_s = run_s - ramp_s - SETTLE_S
    routes = {sample["name"] for sample in samples}
    return {
        "requests": len(samples),
        "failures": sum(sample["error"] is not None for sample in samples),
        "errors": sorted({sample["error"] for sample in samples if sample["error"]})[:10],
        "told_to_wait": sum(sample["refusals"] for sample in samples),
        "requests_per_s": round(in_run / run_s, 2),
        **percentiles([sample["seconds"] for sample in samples]),
        "steady_state": {
            "requests_per_s": round(n_steady / steady_s, 2) if steady_s > 0 else None,
            "median_of_a_second_min_s": round(min(steady), 3) if steady else None,
            "median_of_a_second_max_s": round(max(steady), 3) if steady else None,
            "max_to_min": round(max(steady) / min(steady), 2) if steady else None,
            "medians_s": [round(value, 2) for value in steady],
        },
        "by_route": {
            route: {
                "requests": sum(sample["name"] == route for sample in samples),
                **percentiles([s["seconds"] for s in samples if s["name"] == route]),
            }
            for route in sorted(routes)
        },
    }
