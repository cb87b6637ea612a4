"""The gate: may a candidate take the champion's place? A pure function of two sets of metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from earshot.labels import LABELS, Label

Metrics = Mapping[str, Any]

# A missed shot is worse than a false alarm: recall of these may not fall at all.
THREATS = (Label.GUNSHOT, Label.EXPLOSION)


@dataclass(frozen=True)
class Limits:
    """How much worse a candidate may be, and on how many clips that must be seen.

    Attributes:
        macro_f1: loss of macro F1 that is taken for chance.
        recall: loss of a threat's recall.
        calibration: rise of the expected calibration error that is taken for chance.
        clips: held-out clips, at least.
        clips_a_label: of each label, at least.
    """

    macro_f1: float = 0.01
    recall: float = 0.0
    calibration: float = 0.02
    clips: int = 20
    clips_a_label: int = 3


@dataclass(frozen=True)
class Check:
    """One question that the gate asks.

    Attributes:
        name: of what was compared.
        passed: the answer.
        candidate: the candidate's number.
        champion: the champion's number; None where there is nothing to compare with.
        limit: what the candidate's number had to keep to.
        reason: the answer for a person.
    """

    name: str
    passed: bool
    candidate: float
    champion: float | None
    limit: float
    reason: str


@dataclass(frozen=True)
class Decision:
    """What the gate says.

    Attributes:
        promote: every check was passed.
        checks: with their numbers.
    """

    promote: bool
    checks: tuple[Check, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why not, one sentence for each check that was failed."""
        return tuple(check.reason for check in self.checks if not check.passed)

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the version."""
        return asdict(self)


def decide(candidate: Metrics, champion: Metrics, limits: Limits | None = None) -> Decision:
    """Compare a candidate with the champion.

    Args:
        candidate: its metrics, as `training.metrics.report` gives them.
        champion: its metrics on the very same clips.
        limits: how much worse it may be.

    Raises:
        ValueError: the two were not measured on the same number of clips.
    """
    limits = limits or Limits()
    if candidate["n"] != champion["n"]:
        raise ValueError("candidate and champion were measured on different clips")
    checks = [
        _enough(candidate, limits),
        _not_lower("macro F1", candidate["macro_f1"], champion["macro_f1"], limits.macro_f1),
        *(
            _not_lower(
                f"recall of {label}", _recall(candidate, label), _recall(champion, label),
                limits.recall,
            )
            for label in THREATS
        ),
        _calibrated(candidate["ece"], champion["ece"], limits.calibration),
    ]  # fmt: skip
    return Decision(all(check.passed for check in checks), tuple(checks))


def too_few(supports: Mapping[str, int], limits: Limits | None = None) -> str | None:
    """Why these held-out clips, counted by label, cannot judge; None if they can."""
    limits = limits or Limits()
    short = [
        f"{supports.get(label, 0)} {label}"
        for label in LABELS
        if supports.get(label, 0) < limits.clips_a_label
    ]
    n = sum(supports.values())
    if n >= limits.clips and not short:
        return None
    found = f"only {n} held-out clips" if n < limits.clips else f"only {' and '.join(short)}"
    return (
        f"{found} can judge the new model; at least {limits.clips}, and {limits.clips_a_label} of "
        "each label, are needed. Put labelled clips that no model has learnt from under "
        "heldout/<label>/."
    )


def _enough(candidate: Metrics, limits: Limits) -> Check:
    supports = {str(label): candidate["per_class"][label]["support"] for label in LABELS}
    reason = too_few(supports, limits)
    n = candidate["n"]
    return Check(
        "held-out clips", reason is None, n, None, limits.clips,
        reason or f"{n} held-out clips judge",
    )  # fmt: skip


def _not_lower(name: str, candidate: float, champion: float, tolerance: float) -> Check:
    limit = champion - tolerance
    passed = candidate >= limit - 1e-9  # rounding is no loss
    verb = "keeps to" if passed else "falls below"
    return Check(
        name, passed, candidate, champion, limit,
        f"{name} {candidate:.3f} {verb} {limit:.3f} (the champion's {champion:.3f} - {tolerance})",
    )  # fmt: skip


def _calibrated(candidate: float, champion: float, tolerance: float) -> Check:
    limit = champion + tolerance
    passed = candidate <= limit + 1e-9
    verb = "keeps to" if passed else "exceeds"
    return Check(
        "calibration error", passed, candidate, champion, limit,
        f"calibration error {candidate:.3f} {verb} {limit:.3f} "
        f"(the champion's {champion:.3f} + {tolerance})",
    )  # fmt: skip


def _recall(metrics: Metrics, label: Label) -> float:
    return float(metrics["per_class"][label]["recall"])
