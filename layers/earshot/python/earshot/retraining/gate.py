"""The gate: may a candidate become champion? A pure function of the metrics of both.

Two equally good models differ by chance on a hundred clips: one clip is 0.01 of macro F1, and
often 0.05 of a label's recall. A gate that knows no chance rejects such a candidate every other
time; one that excuses all that chance explains lets a model get worse bit by bit. So a loss beyond
the tolerance passes only if

- it is no larger than `Limits` excuse at most, and
- chance alone explains it: 80 % of the differences from drawing the held-out recording groups
  anew, the same for both models (a paired bootstrap), do not all lie on the losing side, and
- what was excused before is counted in: the loss is written down with the version, and those of
  later versions add to it until one makes it good.

Whether probabilities can be trusted is compared by the log loss. On two hundred clips the expected
calibration error of a perfectly calibrated classifier is 0.04 by chance, and more than 0.06 in one
case of 20; six retrainings that differed by their seed alone had 0.045 to 0.072, and a log loss of
0.385 to 0.393.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from earshot.labels import LABELS, Label

Metrics = Mapping[str, Any]
# By the name of a check: ``low`` and ``high``, between which 80 % of the differences of candidate
# and champion lie.
Differences = Mapping[str, Mapping[str, float]]

# A missed threat is worse than a false alarm: these have a check of their own.
THREATS = (Label.GUNSHOT, Label.EXPLOSION, Label.SIREN)
MACRO_F1 = "macro F1"
MACRO_F1_OF_OWN = "macro F1 on your own held-out clips"
FALSE_ALARMS = "false alarms per hour"
LOG_LOSS = "log loss"
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Limits:
    """How much worse a candidate may be, and on how many clips that must be seen.

    Attributes:
        macro_f1, recall, log_loss: loss of macro F1, of a threat's recall, and rise of the log loss
            in nats, that is tolerated without more ado.
        excused_macro_f1, excused_recall, excused_log_loss: that chance can excuse at most, with
            all that it has excused before. Of recall it excuses one recording group too, if that is
            more.
        false_alarms, excused_false_alarms: more false alarms in an hour of casual sound that are
            tolerated, and that chance can excuse at most; or one alarm, if that is more.
        clips: held-out clips, at least.
        clips_a_label: of each label, at least.
    """

    macro_f1: float = 0.01
    recall: float = 0.0
    log_loss: float = 0.02
    excused_macro_f1: float = 0.03
    excused_recall: float = 0.05
    excused_log_loss: float = 0.05
    false_alarms: float = 0.0
    excused_false_alarms: float = 0.5
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
        excused: it passed although it did not keep to the limit, for chance explains that.
        carried: loss of this version and those before it that is still to be made good.
        reason: the answer for a person.
    """

    name: str
    passed: bool
    candidate: float
    champion: float | None
    limit: float
    reason: str
    excused: bool = False
    carried: float = 0.0


@dataclass(frozen=True)
class Decision:
    """The gate's decision.

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


def recall_of(label: Label) -> str:
    """Name of the check of a label's recall."""
    return f"recall of {label}"


def decide(
    candidate: Metrics,
    champion: Metrics,
    differences: Differences,
    carried: Mapping[str, float],
    limits: Limits | None = None,
    own: Mapping[str, Metrics] | None = None,
) -> Decision:
    """Compare a candidate with the champion.

    Args:
        candidate: its metrics, as `training.evaluation.metrics.report` gives them.
        champion: its metrics on the very same clips.
        differences: between the two; see `training.evaluation.metrics.differences`.
        carried: loss that the champion's own gate had excused, by name of the check; see
            `carried_by`.
        limits: how much worse it may be.
        own: ``candidate``, ``champion`` and ``differences`` on a person's own held-out clips
            alone, where they are enough beside those that came with a release.

    Raises:
        ValueError: the two were not measured on the same number of clips.
    """
    limits = limits or Limits()
    if candidate["n"] != champion["n"]:
        raise ValueError("candidate and champion were measured on different clips")

    def compare(
        name: str, own: float, other: float, tolerance: float, most: float, sign: int = 1
    ) -> Check:
        return _compare(
            name, own, other, differences.get(name), carried.get(name, 0.0), tolerance, most, sign
        )

    checks = [
        _enough(candidate, limits),
        _above_guessing(candidate),
        compare(
            MACRO_F1, candidate["macro_f1"], champion["macro_f1"],
            limits.macro_f1, limits.excused_macro_f1,
        ),
        *(
            compare(
                recall_of(label), _recall(candidate, label), _recall(champion, label),
                limits.recall, max(limits.excused_recall, _one_recording(candidate, label)),
            )
            for label in THREATS
        ),
        compare(
            LOG_LOSS, candidate["log_loss"], champion["log_loss"],
            limits.log_loss, limits.excused_log_loss, sign=-1,
        ),
    ]  # fmt: skip
    if champion.get("casual_hours"):
        one_alarm = 1 / champion["casual_hours"]
        checks.append(
            compare(
                FALSE_ALARMS,
                candidate["false_alarms_per_hour"],
                champion["false_alarms_per_hour"],
                limits.false_alarms,
                max(limits.excused_false_alarms, one_alarm),
                sign=-1,
            )
        )
    if own:
        checks.append(
            _compare(
                MACRO_F1_OF_OWN,
                own["candidate"]["macro_f1"],
                own["champion"]["macro_f1"],
                own["differences"].get(MACRO_F1),
                carried.get(MACRO_F1_OF_OWN, 0.0),
                limits.macro_f1,
                limits.excused_macro_f1,
                1,
            )
        )
    return Decision(all(check.passed for check in checks), tuple(checks))


def carried_by(decision: Mapping[str, Any] | None) -> dict[str, float]:
    """Loss that a version carries, by name of the check, of its ``decision.json``.

    A version that an operator has promoted with force begins anew, and so does one that no gate
    has seen.
    """
    if not decision or not decision["promote"]:
        return {}
    return {check["name"]: check.get("carried", 0.0) for check in decision["checks"]}


def too_few(supports: Mapping[str, int], limits: Limits | None = None) -> str | None:
    """Why these held-out clips, counted by label, are too few; None if they are enough."""
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
        f"There are {found}; at least {limits.clips}, and {limits.clips_a_label} of "
        "each label, are needed. Put labeled clips that no version was trained on under "
        "heldout/<label>/."
    )


def _enough(candidate: Metrics, limits: Limits) -> Check:
    supports = {str(label): _support(candidate, label) for label in LABELS}
    reason = too_few(supports, limits)
    n = candidate["n"]
    return Check(
        "held-out clips", reason is None, n, None, limits.clips,
        reason or f"{n} held-out clips",
    )  # fmt: skip


def _above_guessing(candidate: Metrics) -> Check:
    """Against a champion that is no good, no good would be good enough."""
    present = sum(_support(candidate, label) > 0 for label in LABELS)
    # Who guesses each label as often as it occurs has, of each label, that share for precision
    # and recall; the mean of the shares is one over their number.
    guessing = 1 / max(present, 1)
    passed = (lowest := candidate["macro_f1_95"][0]) > guessing
    return Check(
        "better than guessing", passed, lowest, None, guessing,
        f"the lower end {lowest:.3f} of macro F1's 95 % interval is "
        f"{'over' if passed else 'not over'} the {guessing:.3f} of guessing",
    )  # fmt: skip


def _compare(
    name: str,
    candidate: float,
    champion: float,
    difference: Mapping[str, float] | None,
    carried: float,
    tolerance: float,
    most: float,
    sign: int,
) -> Check:
    """Whether a number is no worse; with sign -1, more of it is worse."""
    loss = sign * (champion - candidate) + carried
    limit = champion + sign * (carried - tolerance)
    keeps_to = loss <= tolerance + _ROUNDING
    excused = (
        not keeps_to
        and loss <= most + _ROUNDING
        and difference is not None
        and (difference["high"] if sign > 0 else -difference["low"]) >= -_ROUNDING
    )
    verb = "keeps to" if keeps_to else "falls below" if sign > 0 else "exceeds"
    of = f"the champion's {champion:.3f} {'-' if sign > 0 else '+'} {tolerance}"
    if carried >= 0.0005:
        of += f", and {carried:.3f} to be made good from before"
    reason = f"{name} {candidate:.3f} {verb} {limit:.3f} ({of})"
    if excused:
        reason += f"; chance explains that, and at most {most:.3f} is excused"
    return Check(
        name, keeps_to or excused, candidate, champion, limit, reason, excused, max(loss, 0.0)
    )


def _recall(metrics: Metrics, label: Label) -> float:
    return float(metrics["per_class"][label]["recall"])


def _support(metrics: Metrics, label: Label) -> int:
    return int(metrics["per_class"][label]["support"])


def _one_recording(metrics: Metrics, label: Label) -> float:
    """Recall that one recording group is: its clips are alike, and are lost together."""
    groups = metrics["per_class"][label].get("recordings", _support(metrics, label))
    return 1 / max(int(groups), 1)
