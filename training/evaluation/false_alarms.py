"""False alarms per hour: their intervals, and the recall that a rate of them buys.

A curve is exact: every score that occurs is a threshold, so no grid of thresholds is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest, bootstrap, chi2

from earshot.labels import Label

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Rate:
    """Events per hour with the 95 % interval of a Poisson process.

    Attributes:
        count: of events.
        hours: in which they were counted.
        per_hour: their quotient; not a number in no time.
        low, high: of the interval.
    """

    count: int
    hours: float
    per_hour: float
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """As it is written as JSON."""
        return asdict(self)


def poisson_rate(count: int, hours: float, confidence: float = 0.95) -> Rate:
    """Rate of `count` events in `hours`, with the exact (central) interval of Garwood 1936."""
    if not hours:
        return Rate(count, hours, float("nan"), float("nan"), float("nan"))
    tail = (1 - confidence) / 2
    low = float(chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(chi2.ppf(1 - tail, 2 * count + 2)) / 2
    return Rate(count, hours, count / hours, low / hours, high / hours)


@dataclass(frozen=True)
class Curve:
    """Recall against false alarms per hour, one point for each score that occurs.

    Attributes:
        thresholds: ``(n,)`` falling; a score at or above it is a detection. The first is infinite.
        false_alarms: ``(n,)`` how many scores without the label reach the threshold.
        recall: ``(n,)`` share of scores with the label that reach it.
        hours: of sound without the label.
    """

    thresholds: Floats
    false_alarms: NDArray[np.int64]
    recall: Floats
    hours: float

    @property
    def per_hour(self) -> Floats:
        """False alarms per hour at each threshold."""
        per_hour: Floats = self.false_alarms / self.hours
        return per_hour

    def at(self, per_hour: float) -> Point:
        """The last point with at most so many false alarms per hour.

        Of points with as many false alarms it is the one with the most recall. Under one false
        alarm in all the hours it is the point before the first.
        """
        index = int(np.searchsorted(self.per_hour, per_hour, side="right")) - 1
        return Point(
            float(self.thresholds[index]),
            float(self.recall[index]),
            int(self.false_alarms[index]),
        )


class Point(NamedTuple):
    """A place on a curve."""

    threshold: float
    recall: float
    false_alarms: int


def curve(with_label: Sequence[float], without: Sequence[float], hours: float) -> Curve:
    """Curve of scores of clips with the label, and of segments without it.

    Raises:
        ValueError: one of them is empty.
    """
    if not len(with_label) or not len(without):
        raise ValueError("a curve needs clips with the label and sound without it")
    thresholds = np.unique(np.concatenate([with_label, without]))[::-1]
    positive, negative = np.sort(with_label), np.sort(without)
    hits = len(positive) - np.searchsorted(positive, thresholds, side="left")
    false = len(negative) - np.searchsorted(negative, thresholds, side="left")
    return Curve(
        np.concatenate([[np.inf], thresholds]),
        np.concatenate([[0], false]),
        np.concatenate([[0.0], hits / len(positive)]),
        hours,
    )


def share_interval(hits: Sequence[bool], groups: Sequence[str], seed: int = 0) -> list[float]:
    """95 % interval of a share of clips, by drawing whole groups with replacement.

    Where no draw differs from another (all clips or none), it is the exact interval of as many
    trials as there are groups (Clopper & Pearson 1934).
    """
    names, index = np.unique(groups, return_inverse=True)
    found, size = np.bincount(index, weights=np.asarray(hits, float)), np.bincount(index)
    if found.sum() in (0, len(hits)):
        exact = binomtest(len(names) if found.any() else 0, len(names)).proportion_ci()
        return [float(exact.low), float(exact.high)]
    if len(names) == 1:
        return [0.0, 1.0]
    interval = bootstrap(
        (found, size),
        lambda some, of, axis: some.sum(axis=axis) / of.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=1000,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return [float(interval.low), float(interval.high)]


class Detection(NamedTuple):
    """A label that was detected at a time, in seconds, of a source."""

    source: str
    label: Label
    time_s: float


def after_cooldown(detections: Iterable[Detection], cooldown_s: float) -> list[Detection]:
    """Detections that raise an alert: none within the cooldown after an alert of the same label
    and source. Each source has a clock of its own, the time in its recording."""
    last: dict[tuple[str, Label], float] = {}
    raised = []
    for detection in sorted(detections, key=lambda d: d.time_s):
        subject = detection.source, detection.label
        if detection.time_s - last.get(subject, -np.inf) >= cooldown_s:
            last[subject] = detection.time_s
            raised.append(detection)
    return raised
