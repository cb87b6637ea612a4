"""A candidate and the champion on the same held-out clips, as the gate compares them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.model.head import Head
from earshot.retraining.gate import too_few
from training.data.held_out import HeldOut
from training.evaluation.false_alarm_rate import FalseAlarms, false_alarms, rate_differences
from training.evaluation.metrics import differences, report
from training.evaluation.predictions import Predictions
from training.head.incremental import clip_probabilities


class Comparison(NamedTuple):
    """How two heads do on the same held-out clips.

    Attributes:
        figures: ``candidate``, ``champion`` and ``differences`` as `earshot.retraining.gate.decide`
            takes them, ``evaluated_on``, and the same ``on_new_clips`` and ``on_own_clips`` if
            there are enough.
        largest_change: of a probability, between the two.
    """

    figures: dict[str, Any]
    largest_change: float


def compare(candidate: Head, champion: Head, held_out: HeldOut) -> Comparison:
    """Compare two heads.

    Clips with confirmed labels alone are evaluated on, if they are enough: wrong labels among the
    uploads must not favor a candidate that was trained on them.

    Args:
        candidate: that was fitted.
        champion: that it was fitted from.
        held_out: clips that neither was trained on.
    """
    labeled = held_out.select(~held_out.everyday)
    chosen = _evaluated_on(labeled)
    own, other = predict(candidate, labeled, chosen), predict(champion, labeled, chosen)
    alarms = false_alarms(candidate, held_out), false_alarms(champion, held_out)
    figures: dict[str, Any] = {
        "candidate": _report(own, alarms[0]),
        "champion": _report(other, alarms[1]),
        "differences": differences(own, other) | rate_differences(*alarms),
        "evaluated_on": {
            "clips": int(chosen.sum()),
            "released_clips": int((chosen & labeled.released).sum()),
            "labels_confirmed": bool(labeled.confirmed[chosen].all()),
            "new_clips": int((~chosen).sum()),
        },
    }
    change = float(np.abs(own.probabilities - other.probabilities).max())
    if (~chosen).any():
        figures["on_new_clips"] = {
            "candidate": report(predict(candidate, labeled, ~chosen)),
            "champion": report(predict(champion, labeled, ~chosen)),
        }
    of_person = chosen & ~labeled.released
    if labeled.released.any() and too_few(labeled.select(of_person).counts()) is None:
        own, other = predict(candidate, labeled, of_person), predict(champion, labeled, of_person)
        figures["on_own_clips"] = {
            "candidate": report(own),
            "champion": report(other),
            "differences": differences(own, other),
        }
    return Comparison(figures, change)


def predict(head: Head, held_out: HeldOut, chosen: NDArray[np.bool_]) -> Predictions:
    """What a head gives for the chosen clips, ``(clips,)``."""
    some = held_out.select(chosen)
    clips = some.features.feature_set(some.recordings.astype(np.str_))
    return Predictions(clips.labels, clip_probabilities(head, clips), some.recordings)


def _report(predictions: Predictions, alarms: FalseAlarms) -> dict[str, Any]:
    return report(predictions) | {
        "casual_hours": alarms.hours,
        "false_alarms": alarms.count,
        "false_alarms_per_hour": alarms.per_hour,
    }


def _evaluated_on(held_out: HeldOut) -> NDArray[np.bool_]:
    enough = too_few(held_out.select(held_out.confirmed).counts()) is None
    return held_out.confirmed if enough else np.ones(len(held_out), bool)
