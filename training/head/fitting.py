"""What is fitted on clips that a head never learned from: biases, temperature, thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import scipy
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.events import against_casual, event_scores
from earshot.model.head import BLOCK_PATCHES, Head, Logits
from training.data.feature_set import FeatureSet, Floats

_MIN_SEGMENTS = 40
_CHUNK = 64 * BLOCK_PATCHES
_PRECISE = {"maxiter": 4000, "xatol": 1e-4, "fatol": 1e-7}


def logits_by_clip(head: Head, clips: FeatureSet) -> list[Logits]:
    """Logits of each clip, as serving has them."""
    found = []
    for begin, end in pairwise(clips.offsets):
        parts = [
            head.blocks(
                clips.embeddings[n : min(n + _CHUNK, end)].astype(np.float32),
                clips.scores[n : min(n + _CHUNK, end)].astype(np.float32),
            )
            for n in range(begin, end, _CHUNK)
        ]
        found.append(head.logits(parts))
    return found


def clip_scores(head: Head, logits: Sequence[Logits]) -> Floats:
    """Scores ``(clips, 4)`` of clips: the highest event score of each label."""
    return np.stack([event_scores(head, of_clip).max(axis=0) for of_clip in logits])


def with_biases(
    head: Head, scores: Floats, labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> Head:
    """The head with a bias on each label and a temperature (vector scaling).

    Training draws labels alike, which is not how often each is wrong on clips from elsewhere: the
    biases put that right (Guo et al. 2017, arXiv:1706.04599, section 4.2). A bias shifts patches
    and stretches alike.

    Args:
        head: to be shifted.
        scores: ``(clips, 4)`` out of fold.
        labels: ``(clips,)`` class ids.
        weights: ``(clips,)``.
    """

    def loss(parameters: NDArray[np.float64]) -> float:
        biases = np.concatenate([[0.0], parameters[1:]])  # casual stays the reference
        return negative_log_likelihood((scores + biases) / np.exp(parameters[0]), labels, weights)

    best = scipy.optimize.minimize(
        loss, np.zeros(len(LABELS)), method="Nelder-Mead", options=_PRECISE
    ).x
    biases = np.concatenate([[0.0], best[1:]]).astype(np.float32)
    return replace(head, bias_1=head.bias_1 + biases, temperature=float(np.exp(best[0])))


def with_temperature(
    head: Head, scores: Floats, labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> Head:
    """The head at the temperature of the lowest weighted negative log-likelihood.

    Args:
        head: its temperature is replaced.
        scores: ``(clips, 4)`` out of fold.
        labels: ``(clips,)`` class ids.
        weights: ``(clips,)``.
    """
    best = min(
        np.geomspace(0.5, 4.0, 61),
        key=lambda t: negative_log_likelihood(scores / t, labels, weights),
    )
    return replace(head, temperature=float(best))


def negative_log_likelihood(
    logits: NDArray[np.floating], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """Weighted mean over clips of minus the log-probability of the label."""
    log_probabilities = scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return -float(np.average(log_probabilities, weights=weights))


def line_of(scores: Floats, alarms: Floats, per_hour: float) -> float:
    """Score that no more than so many segments an hour are above.

    Args:
        scores: ``(segments,)`` of casual sound.
        alarms: ``(segments,)`` alarms per hour that each stands for; see `alarms_by_kind`.
        per_hour: false alarms.
    """
    order = np.argsort(-scores)
    above = int(np.searchsorted(np.cumsum(alarms[order]), per_hour, side="right"))
    return float(scores[order[min(above, len(order) - 1)]])


def alarms_by_kind(kinds: NDArray[np.str_], segment_hours: float) -> Floats:
    """What a false alarm in each segment adds to the alarms per hour, every kind alike.

    Ten hours of music must not outweigh one of barking dogs. Kinds of few segments count as one.
    """
    names, counts = np.unique(kinds, return_counts=True)
    rare = names[counts < _MIN_SEGMENTS]
    merged = np.where(np.isin(kinds, rare), "", kinds)
    names, counts = np.unique(merged, return_counts=True)
    weights = np.zeros(len(kinds), np.float32)
    for name, count in zip(names, counts, strict=True):
        weights[merged == name] = 1 / (count * segment_hours * len(names))
    return weights


def with_alert_thresholds(
    head: Head,
    scores: Floats,
    alarms: Floats,
    per_hour: Mapping[Label, float],
    casual_below: float,
) -> Head:
    """The head with alert thresholds that allow so many false alarms an hour of each label.

    Args:
        head: calibrated.
        scores: ``(segments, 4)`` of casual sound, out of fold.
        alarms: ``(segments,)`` alarms per hour that each stands for.
        per_hour: false alarms of each threat.
        casual_below: confidence below which a casual clip is uncertain.
    """
    lines = np.zeros(len(LABELS), np.float32)
    for label, rate in per_hour.items():
        lines[label.class_id] = max(0.0, line_of(scores[:, label.class_id], alarms, rate))
    thresholds = against_casual(head, lines)
    thresholds[Label.CASUAL.class_id] = casual_below
    return replace(head, alert_thresholds=thresholds.astype(np.float32))


def with_length_slopes(
    head: Head, scores: Floats, alarms: Floats, per_hour: float, long_segments: float
) -> Head:
    """The head with slopes that leave a long recording so many false alarms an hour of a label.

    Args:
        head: calibrated.
        scores: ``(segments, 4)`` of casual sound, out of fold.
        alarms: ``(segments,)`` alarms per hour that each stands for.
        per_hour: false alarms of each label in a long recording.
        long_segments: segments of that recording.
    """
    lines = np.array([line_of(scores[:, k], alarms, per_hour) for k in range(len(LABELS))])
    slopes = np.maximum(lines, 0) / np.log(long_segments)
    slopes[0] = 0
    return replace(head, length_slopes=slopes.astype(np.float32))
