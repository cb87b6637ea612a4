"""From the head's logits to what a clip holds: one label, and events.

One score decides everything: a patch's event score. The clip's score of a label is its highest
event score, so label and events cannot contradict each other: a casual clip has no event, and any
other clip has one of its label.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.log_mel import PATCH_S
from earshot.events import Event
from earshot.labels import LABELS, Label
from earshot.model.head import Floats, Head, Logits

_CASUAL = Label.CASUAL.class_id
# An event reaches over neighboring patches down to a score of this: below 0, so that it is not cut
# where its score wavers.
_RELEASE = np.float32(-1)
_TEN_SECONDS = 20  # patches
# A casual clip shorter than this is uncertain: two thirds of its one patch are padding, and the
# beginning of a shot sounds like a click.
_SHORTEST_CERTAIN_S = 0.3


class Prediction(NamedTuple):
    """What a clip holds.

    Attributes:
        label: the most probable one.
        probabilities: ``(4,)``, calibrated.
        uncertain: the confidence is below the label's alert threshold; or the clip is casual and
            too short to decide.
        events: in order of time; none in a casual clip. Those of a label that is not the clip's
            are all above their alert threshold.
    """

    label: Label
    probabilities: Floats
    uncertain: bool
    events: tuple[Event, ...]


def predict(
    head: Head, logits: Logits, starts: NDArray[np.float64], duration_s: float = np.inf
) -> Prediction:
    """Label and events of a clip.

    Args:
        head: its thresholds and calibration.
        logits: of all the clip's ``n`` patches.
        starts: ``(n,)`` seconds from the clip's start.
        duration_s: of the clip; no event ends later.
    """
    scores = event_scores(head, logits)
    clip_scores = scores.max(axis=0)
    probabilities = head.probabilities(clip_scores)
    best = int(probabilities.argmax())
    confidence = float(probabilities[best])
    events: tuple[Event, ...] = ()
    if best != _CASUAL:
        confidence = float(against_casual(head, clip_scores)[best])
        events = find_events(head, scores, logits.patches, starts, best, duration_s)
    return Prediction(
        label=LABELS[best],
        probabilities=probabilities,
        uncertain=bool(confidence < head.alert_thresholds[best])
        or (best == _CASUAL and duration_s < _SHORTEST_CERTAIN_S),
        events=events,
    )


def event_scores(head: Head, logits: Logits) -> Floats:
    """Event scores ``(n, 4)`` of a clip's patches.

    A long clip has more chances of a false alarm, so its scores are lowered.
    """
    scores = scores_of(logits, head.pair_shares)
    e_folds = np.log(max(1.0, len(scores) / _TEN_SECONDS))
    lowered: Floats = scores - head.length_slopes * np.float32(e_folds)
    return lowered


def scores_of(logits: Logits, pair_shares: Floats) -> Floats:
    """Event scores ``(n, 4)`` of patches, whatever the clip's length; casual's is 0.

    A patch's score is the weighted mean of two: of the patch and that neighbor which supports it
    better, since patches overlap by half and what lies in one lies in the next or the last as well;
    and of its stretch. The first finds a short event among other sound, the second knows better
    what goes on for long.

    Args:
        logits: of the patches.
        pair_shares: ``(4,)`` weight of the first; see `Head`.
    """
    pairs = with_neighbors(logits.patches)
    scores: Floats = pair_shares * pairs + (np.float32(1) - pair_shares) * logits.stretches
    scores[:, _CASUAL] = 0
    return scores


def with_neighbors(patches: Floats) -> Floats:
    """Mean of each patch's logits ``(n, 4)`` and its neighbor's, whichever's are the higher."""
    if len(patches) == 1:
        return patches
    pairs = np.float32(0.5) * (patches[1:] + patches[:-1])
    before, after = np.concatenate([pairs[:1], pairs]), np.concatenate([pairs, pairs[-1:]])
    higher: Floats = np.maximum(before, after)
    return higher


def against_casual(head: Head, scores: Floats) -> Floats:
    """Calibrated probability of each label against casual alone, of scores ``(..., 4)``.

    Two labels may both be near 1: a siren may wail while shots are fired.
    """
    probabilities: Floats = 1 / (1 + np.exp(-scores / np.float32(head.temperature)))
    return probabilities


def find_events(
    head: Head,
    scores: Floats,
    patches: Floats,
    starts: NDArray[np.float64],
    clip_label: int,
    duration_s: float,
) -> tuple[Event, ...]:
    """Events of a clip that is not casual, in order of time.

    An event opens at a patch above its label's line and reaches to both sides (hysteresis), over
    patches that are by themselves more likely it than casual: what its stretch has is not enough,
    or the hiss around a shot would be part of it. For the clip's own label the line is the one at
    which a clip gets it; for any other it is the alert threshold.

    Args:
        head: calibrated.
        scores: ``(n, 4)`` event scores.
        patches: ``(n, 4)`` logits of each patch alone.
        starts: ``(n,)`` seconds.
        clip_label: class id of the clip's label.
        duration_s: of the clip.
    """
    confidences = against_casual(head, scores)
    strongest = scores.argmax(axis=1)
    events = []
    for k, label in enumerate(LABELS):
        if k == _CASUAL:
            continue
        line = 0.0 if k == clip_label else _score_at(head, head.alert_thresholds[k])
        its_own = (strongest == k) & (patches[:, k] > 0)
        opens = its_own & (scores[:, k] > line)
        if k == clip_label and not opens.any():
            opens = np.arange(len(scores)) == scores[:, k].argmax()
        held = opens | (its_own & (scores[:, k] > _RELEASE))
        for first, last in _runs(held):
            if opens[first : last + 1].any():
                end_s = min(float(starts[last]) + PATCH_S, duration_s)
                confidence = float(confidences[first : last + 1, k].max())
                events.append(Event(label, float(starts[first]), end_s, confidence))
    return tuple(sorted(events, key=lambda event: event.start_s))


def _score_at(head: Head, confidence: float) -> float:
    """Score of a confidence; the inverse of `against_casual`."""
    return float(np.log(confidence / (1 - confidence)) * head.temperature)


def _runs(held: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last index of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]]).astype(np.int8)))
    return [(int(first), int(after) - 1) for first, after in edges.reshape(-1, 2)]
