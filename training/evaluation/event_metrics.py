"""How well events are found in time: the event-based F1, and the polyphonic sound detection score.

Of the packages for either, psds_eval 0.5 does not run with pandas 3, and sed_scores_eval 0.0.4 is
without wheels and brings a large tree of old packages. Their results are what the tests expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.labels import Label
from training.evaluation.scores import THREATS, ScoredEvent

ONSET_COLLAR_S = 0.5
# Those of DCASE's second scenario but for cross-triggers, which count as any other false event.
DETECTION_TOLERANCE = GROUND_TRUTH_INTERSECTION = 0.1
INSTABILITY_COST = 1.0
MOST_PER_HOUR = 100.0

Floats = NDArray[np.float64]


class TrueEvent(NamedTuple):
    """An event that a recording holds, in seconds from its start."""

    label: Label
    start_s: float
    end_s: float


class AnnotatedRecording(NamedTuple):
    """A recording: what it holds, and what was found in it."""

    true: Sequence[TrueEvent]
    found: Sequence[ScoredEvent]
    duration_s: float


def event_f1(
    recordings: Sequence[AnnotatedRecording], collar_s: float = ONSET_COLLAR_S
) -> dict[Label, float | None]:
    """Event-based F1 of each threat by onsets (Mesaros, Heittola & Virtanen 2016).

    A found event is right if its start lies within the collar of the start of a true event of its
    label; each true event is matched with one found event at most, in order of time.

    Returns:
        F1 by label; None for a label that neither occurs nor is found.
    """
    return {label: _f1(recordings, label, collar_s) for label in THREATS}


def _f1(recordings: Sequence[AnnotatedRecording], label: Label, collar_s: float) -> float | None:
    matched = n_events = 0
    for recording in recordings:
        true = sorted(event.start_s for event in recording.true if event.label is label)
        found = sorted(event.start_s for event in recording.found if event.label is label)
        n_events += len(true) + len(found)
        # Both in order, so that matching the earliest that fits matches as many as can be.
        for start_s in true:
            while found and found[0] < start_s - collar_s:
                found.pop(0)
            if found and found[0] <= start_s + collar_s:
                found.pop(0)
                matched += 1
    return 2 * matched / n_events if n_events else None


def psds(
    recordings: Sequence[AnnotatedRecording],
    *,
    detection_tolerance: float = DETECTION_TOLERANCE,
    ground_truth_intersection: float = GROUND_TRUTH_INTERSECTION,
    instability_cost: float = INSTABILITY_COST,
    most_per_hour: float = MOST_PER_HOUR,
) -> float:
    """Polyphonic sound detection score (Bilen et al. 2020, arXiv:1910.08440), exactly.

    Every score is a threshold: an event is detected where its score reaches it. The score is the
    area under the recall of true events, its mean over labels minus `instability_cost` times its
    standard deviation, against false events per hour up to `most_per_hour`.

    Args:
        recordings: what they hold, and what was found in them.
        detection_tolerance: share of a found event that true ones of its label must cover, or
            else it is a false event.
        ground_truth_intersection: share of a true event that found ones, none of them false, must
            cover.
        instability_cost: of labels that do unlike well.
        most_per_hour: false events of a label.

    Raises:
        ValueError: there is no true event.
    """
    hours = sum(recording.duration_s for recording in recordings) / 3600
    labels = {event.label for recording in recordings for event in recording.true}
    if not labels:
        raise ValueError("no recording holds an event")
    of_label = [
        _hits_and_false(recordings, label, detection_tolerance, ground_truth_intersection)
        for label in sorted(labels)
    ]
    steps = [_steps(hits, false, hours) for hits, false in of_label]
    rates = np.unique(np.concatenate([rate for rate, _ in steps]))
    rates = rates[rates < most_per_hour]
    recalls = np.stack(
        [recall[np.searchsorted(rate, rates, side="right") - 1] for rate, recall in steps]
    )
    heights = np.maximum(recalls.mean(axis=0) - instability_cost * recalls.std(axis=0), 0)
    widths = np.diff(np.append(rates, most_per_hour))
    return float(heights @ widths / most_per_hour)


def _steps(hits: Floats, false: Floats, hours: float) -> tuple[Floats, Floats]:
    """False events per hour, each once and rising, and the recall that goes with it.

    Args:
        hits: highest threshold at which each true event is detected; minus infinity for never.
        false: score of each false event.
        hours: of all recordings.
    """
    thresholds = np.unique(np.concatenate([hits[np.isfinite(hits)], false]))[::-1]
    n_hits = [0, *(int((hits >= threshold).sum()) for threshold in thresholds)]
    n_false = [0, *(int((false >= threshold).sum()) for threshold in thresholds)]
    # Of thresholds with as many false events, the lowest detects most.
    counts, last = np.unique(n_false[::-1], return_index=True)
    recall = np.array(n_hits[::-1])[last] / len(hits)
    return counts / hours, recall


def _hits_and_false(
    recordings: Sequence[AnnotatedRecording], label: Label, tolerance: float, intersection: float
) -> tuple[Floats, Floats]:
    hits: list[float] = []
    false: list[float] = []
    for recording in recordings:
        true = [event for event in recording.true if event.label is label]
        relevant = []
        for event in (event for event in recording.found if event.label is label):
            covered = sum(_overlap_s(event, other) for other in true)
            if covered > 0 and covered >= tolerance * (event.end_s - event.start_s):
                relevant.append(event)
            else:
                false.append(event.score)
        hits += [_detected_at(event, relevant, intersection) for event in true]
    return np.array(hits), np.array(false)


def _detected_at(event: TrueEvent, relevant: Sequence[ScoredEvent], intersection: float) -> float:
    """Highest threshold at which found events cover enough of a true event."""
    covered_s = 0.0
    for found in sorted(relevant, key=lambda other: -other.score):
        covered_s += _overlap_s(event, found)
        if covered_s > 0 and covered_s >= intersection * (event.end_s - event.start_s):
            return found.score
    return -np.inf


def _overlap_s(one: TrueEvent | ScoredEvent, other: TrueEvent | ScoredEvent) -> float:
    return max(0.0, min(one.end_s, other.end_s) - max(one.start_s, other.start_s))
