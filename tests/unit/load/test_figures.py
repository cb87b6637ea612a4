"""The figures of a load test, from requests whose figures are plain to see."""

from __future__ import annotations

import pytest

from tests.load.figures import SETTLE_S, summary


def request(began_at: float, seconds: float, error: str | None = None) -> dict[str, object]:
    return {
        "name": "/health",
        "began_at": began_at,
        "seconds": seconds,
        "refusals": 0,
        "error": error,
    }


def test_steady_state_leaves_out_the_ramp_and_what_ends_after_the_run():
    ramp_s, run_s = 10.0, 10.0 + SETTLE_S + 2
    in_ramp = [request(1000.0, 9.0)] * 50
    first_second = [request(1000 + ramp_s + SETTLE_S - 0.5, 1.0)] * 10
    second_second = [request(1000 + ramp_s + SETTLE_S - 0.5, 2.0)] * 10
    late = [request(1000 + run_s - 1, 30.0)] * 10
    figures = summary([*in_ramp, *first_second, *second_second, *late], 1000.0, ramp_s, run_s)
    assert figures["steady_state"] == {
        "requests_per_s": 10.0,
        "median_of_a_second_min_s": 1.0,
        "median_of_a_second_max_s": 2.0,
        "max_to_min": 2.0,
        "medians_s": [1.0, 2.0],
    }
    assert figures["requests"] == 80
    assert figures["requests_per_s"] == pytest.approx(70 / run_s, abs=0.01)
    assert figures["max_s"] == 30.0, "slow answers count, even those that come late"


def test_failures_are_counted_with_what_they_said():
    samples = [request(0, 1.0), request(0, 60.0, "TimeoutError()")]
    figures = summary(samples, 0.0, 1.0, 10.0)
    assert figures["failures"] == 1
    assert figures["errors"] == ["TimeoutError()"]
