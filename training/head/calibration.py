"""Out-of-fold predictions, and the biases, thresholds and temperature chosen on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.events import against_casual
from earshot.model.head import Head, Logits
from training.adaptation.recipe import HOURS, TrainingData
from training.adaptation.variants import SEGMENT_S
from training.evaluation.metrics import numbered
from training.evaluation.predictions import Predictions
from training.head.cross_validation import OutOfFold
from training.head.fitting import (
    alarms_by_kind,
    clip_scores,
    with_alert_thresholds,
    with_biases,
    with_length_slopes,
)

# Share of each held-out set in the choice of biases and temperature.
CALIBRATION_SHARES = {
    "sesa clean": 1.0,
    "sesa augmented": 0.5,
    "sesa noisy": 0.25,
    "broadened clean": 1.0,
}
# Casual clips are most of the broadened set; they have this share of its weight.
OPEN_AUDIO_CASUAL_SHARE = 0.4
# False alarms in an hour of casual sound, in clips of 10 s: the alert thresholds. Out of fold, each
# kind has the same weight and many are of games, so there are about five times as many as in hours
# of everyday sound: see docs/model-card.md. Gunshots are the hardest and get half of them.
ALARMS_PER_HOUR = {Label.GUNSHOT: 5.0, Label.EXPLOSION: 3.0, Label.SIREN: 2.0}
# ... and in recordings of 20 minutes, each label. One in ten of them may be labeled a threat.
LONG_S, ALARMS_PER_LONG_HOUR = 1200.0, 1.0
CASUAL_UNCERTAIN_BELOW = 0.6


@dataclass(frozen=True)
class Calibrated:
    """A head with thresholds and temperature, and how it did on clips it never learned from.

    Attributes:
        head: ready to serve.
        predictions: out of fold, by held-out set.
        false_alarms: out of fold, for each label at its alert threshold, per hour by kind of sound.
    """

    head: Head
    predictions: dict[str, Predictions]
    false_alarms: dict[str, dict[str, float]]


def calibrate(head: Head, data: TrainingData, found: OutOfFold) -> Calibrated:
    """Choose biases, temperature, alert thresholds and length slopes.

    Args:
        head: fitted on everything.
        data: with the held-out sets.
        found: out of fold, of clips of the held-out sets and of segments of everyday sound.
    """
    sets = {
        name: data.held_out[name].labels[clips]
        for name, clips in found.clips.items()
        if name != HOURS and len(clips)
    }
    used = [name for name in CALIBRATION_SHARES if name in sets]
    labels = np.concatenate([sets[name] for name in used])
    weights = np.concatenate([_weights(name, sets[name]) for name in used])
    scores = np.concatenate([clip_scores(head, found.logits[name]) for name in used])
    biased = with_biases(head, scores, labels, weights)
    biases = biased.bias_1 - head.bias_1
    logits = {name: [_shifted(of, biases) for of in clips] for name, clips in found.logits.items()}

    head = biased
    false_alarms: dict[str, dict[str, float]] = {}
    if logits.get(HOURS):
        kinds = data.kinds[data.hours][found.clips[HOURS]]
        casual = clip_scores(head, logits[HOURS])
        alarms = alarms_by_kind(kinds, SEGMENT_S / 3600)
        head = with_alert_thresholds(head, casual, alarms, ALARMS_PER_HOUR, CASUAL_UNCERTAIN_BELOW)
        head = with_length_slopes(head, casual, alarms, ALARMS_PER_LONG_HOUR, LONG_S / SEGMENT_S)
        false_alarms = _false_alarms(head, casual, kinds)
    predictions = {
        name: Predictions(
            of_set,
            head.probabilities(clip_scores(head, logits[name])).astype(np.float64),
            numbered(data.held_out[name].groups[found.clips[name]]),
        )
        for name, of_set in sets.items()
    }
    return Calibrated(head, predictions, false_alarms)


def describe(head: Head) -> dict[str, Any]:
    """What was calibrated, for a person to read; serving reads ``head.npz``."""

    def by_label(values: Sequence[float] | NDArray[np.float32]) -> dict[str, float]:
        return {str(label): round(float(values[label.class_id]), 4) for label in LABELS}

    return {
        "temperature": head.temperature,
        "alert_thresholds": by_label(head.alert_thresholds),
        "length_slopes": by_label(head.length_slopes),
        "pair_shares": by_label(head.pair_shares),
    }


def _shifted(logits: Logits, biases: NDArray[np.float32]) -> Logits:
    return Logits(logits.patches + biases, logits.stretches + biases)


def _false_alarms(
    head: Head, casual: NDArray[np.float32], kinds: NDArray[np.str_]
) -> dict[str, dict[str, float]]:
    """False alarms an hour of each kind of sound, by label, and the hours of each."""
    alert = against_casual(head, casual) >= head.alert_thresholds
    found: dict[str, dict[str, float]] = {}
    for kind in np.unique(kinds):
        of_kind = kinds == kind
        hours = float(of_kind.sum()) * SEGMENT_S / 3600
        found[str(kind) or "unnamed"] = {"hours": round(hours, 2)} | {
            str(label): round(float(alert[of_kind, label.class_id].sum()) / hours, 2)
            for label in LABELS[1:]
        }
    return found


def _weights(name: str, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    share = CALIBRATION_SHARES[name]
    if not name.startswith("broadened"):
        return np.full(len(labels), share / len(labels))
    casual = labels == Label.CASUAL.class_id
    of_casual = share * OPEN_AUDIO_CASUAL_SHARE / max(1, casual.sum())
    of_threat = share * (1 - OPEN_AUDIO_CASUAL_SHARE) / max(1, (~casual).sum())
    weights: NDArray[np.float64] = np.where(casual, of_casual, of_threat)
    return weights
