"""False alarms per hour, against tables and by hand."""

from __future__ import annotations

import numpy as np
import pytest

from earshot.labels import Label
from training.evaluation.false_alarms import (
    Detection,
    after_cooldown,
    curve,
    poisson_rate,
    share_interval,
)


class TestPoissonRate:
    @pytest.mark.parametrize(
        ("count", "low", "high"),
        # Garwood's exact limits as statistical tables list them (Pearson & Hartley, table 40).
        [(0, 0.0, 3.6889), (1, 0.0253, 5.5716), (10, 4.7954, 18.3904), (100, 81.364, 121.627)],
    )
    def test_the_interval_is_the_tabled_one(self, count: int, low: float, high: float) -> None:
        rate = poisson_rate(count, hours=2.0)
        assert rate.per_hour == count / 2
        assert (rate.low * 2, rate.high * 2) == pytest.approx((low, high), abs=1e-3)

    def test_no_hours_have_no_rate(self) -> None:
        assert np.isnan(poisson_rate(0, 0.0).per_hour)


class TestCurve:
    # In two hours: 0.8, 0.5, 0.5 and 0.1 are false. Of five threats, 0.9 stands above them all.
    threats, false, hours = (0.9, 0.7, 0.6, 0.5, 0.2), (0.8, 0.5, 0.5, 0.1), 2.0

    def test_each_score_is_a_threshold(self) -> None:
        of = curve(self.threats, self.false, self.hours)
        assert of.thresholds.tolist() == [np.inf, 0.9, 0.8, 0.7, 0.6, 0.5, 0.2, 0.1]
        assert of.false_alarms.tolist() == [0, 0, 1, 1, 1, 3, 3, 4]
        assert of.recall.tolist() == pytest.approx([0, 0.2, 0.2, 0.4, 0.6, 0.8, 1.0, 1.0])
        assert of.per_hour.tolist() == [0, 0, 0.5, 0.5, 0.5, 1.5, 1.5, 2.0]

    @pytest.mark.parametrize(
        ("per_hour", "recall", "false_alarms", "threshold"),
        [(0.1, 0.2, 0, 0.9), (0.5, 0.6, 1, 0.6), (1.4, 0.6, 1, 0.6), (10.0, 1.0, 4, 0.1)],
    )
    def test_recall_at_a_rate(
        self, per_hour: float, recall: float, false_alarms: int, threshold: float
    ) -> None:
        point = curve(self.threats, self.false, self.hours).at(per_hour)
        assert list(point) == [threshold, pytest.approx(recall), false_alarms]

    def test_a_tie_counts_for_both(self) -> None:
        point = curve([0.5], [0.5], 1.0).at(0.5)
        assert point == (np.inf, 0.0, 0)

    def test_it_needs_both(self) -> None:
        with pytest.raises(ValueError, match="without it"):
            curve([0.5], [], 1.0)


class TestShareInterval:
    def test_groups_are_drawn_not_clips(self) -> None:
        hits = [True] * 50 + [False] * 50
        alike = share_interval(hits, ["a"] * 50 + ["b"] * 50)
        apart = share_interval(hits, [str(n) for n in range(100)])
        assert alike == [0.0, 1.0]
        # A binomial of 100 at one half: 0.5 +- 1.96 * 0.05.
        assert apart == pytest.approx([0.4, 0.6], abs=0.03)

    def test_none_missed_of_few_groups_proves_little(self) -> None:
        low, high = share_interval([True] * 6, ["a", "a", "b", "b", "c", "c"])
        assert high == 1.0
        assert low == pytest.approx(0.025 ** (1 / 3))  # Clopper-Pearson, 3 of 3

    def test_all_missed(self) -> None:
        low, high = share_interval([False] * 4, list("abcd"))
        assert low == 0.0
        assert high == pytest.approx(1 - 0.025 ** (1 / 4))


def test_a_cooldown_is_of_one_label_and_source() -> None:
    gunshots = [Detection("street", Label.GUNSHOT, t) for t in (10.0, 300.0, 309.9, 310.0, 500.0)]
    siren = Detection("street", Label.SIREN, 20.0)
    elsewhere = Detection("yard", Label.GUNSHOT, 20.0)
    raised = after_cooldown([*gunshots, siren, elsewhere], cooldown_s=300)
    assert [d.time_s for d in raised if d.source == "street" and d.label is Label.GUNSHOT] == [
        10.0,
        310.0,
    ]
    assert siren in raised
    assert elsewhere in raised
    assert len(after_cooldown(gunshots, cooldown_s=0)) == 5
