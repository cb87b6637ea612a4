"""How many of the alerts that people have reviewed were right."""

from __future__ import annotations

from collections.abc import Iterable
from math import sqrt

from earshot.alerts.alert import Alert

_Z = 1.959964  # of the normal distribution, for 95 %


def interval(right: int, reviewed: int) -> tuple[float, float]:
    """95 % interval of a share, by Wilson (1927), which holds for few clips as well.

    Args:
        right: how many were right.
        reviewed: of how many; at least one.
    """
    share, z2 = right / reviewed, _Z * _Z
    middle = (share + z2 / (2 * reviewed)) / (1 + z2 / reviewed)
    spread = sqrt(share * (1 - share) / reviewed + z2 / (4 * reviewed**2))
    half = _Z * spread / (1 + z2 / reviewed)
    return max(0.0, middle - half), min(1.0, middle + half)


def words(alerts: Iterable[Alert]) -> str:
    """The share of right ones among alerts that were reviewed, with its interval."""
    reviewed = [one for one in alerts if one.verified_label]
    if not reviewed:
        return "Precision of alerts in the last 7 days: no alert is reviewed yet."
    right = sum(one.verified_label == one.label for one in reviewed)
    low, high = interval(right, len(reviewed))
    return (
        f"Precision of alerts in the last 7 days: **{right / len(reviewed):.0%}** "
        f"({right} of {len(reviewed)} reviewed; 95 % interval {low:.0%} to {high:.0%})."
    )
