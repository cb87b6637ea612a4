"""Out-of-fold predictions, and the biases, thresholds and temperature chosen on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.events import clip_logits
from earshot.model.head import Head, Logits
from training.adaptation.recipe import TrainingData
from training.evaluation.metrics import Predictions, numbered
from training.head.fitting import HeadConfig, with_biases, with_temperature, with_thresholds

# Say of each held-out set in the choice of thresholds, and of biases and temperature. The clean
# clips of either source count alike in the latter.
THRESHOLD_SHARES = {"sesa clean": 1.0, "broadened clean": 0.5}
CALIBRATION_SHARES = {
    "sesa clean": 1.0,
    "sesa augmented": 0.5,
    "sesa noisy": 0.25,
    "broadened clean": 1.0,
}
# Casual clips are most of the broadened set; they have this share of its say.
OPEN_AUDIO_CASUAL_SHARE = 0.4


@dataclass(frozen=True)
class Calibrated:
    """A head with thresholds and temperature, and how it did on clips it never heard.

    Attributes:
        head: ready to serve.
        predictions: out of fold, by held-out set.
    """

    head: Head
    predictions: dict[str, Predictions]


def calibrate(
    head: Head, data: TrainingData, logits: dict[str, list[Logits]], config: HeadConfig
) -> Calibrated:
    """Choose biases, thresholds and temperature.

    Args:
        head: whose experts are fitted on everything.
        data: with the held-out sets.
        logits: out-of-fold logits of each clip, by held-out set.
        config: of the head.
    """
    used = [name for name in CALIBRATION_SHARES if name in logits]
    labels = np.concatenate([data.held_out[name].labels for name in used])
    weights = np.concatenate([_weights(name, data.held_out[name].labels) for name in used])

    together = [clip.together.sum(axis=0) for name in used for clip in logits[name]]
    biased = with_biases(head, np.stack(together), labels, weights)
    biases = biased.embedding.bias_1 - head.embedding.bias_1
    of_embedding = np.stack([biases, np.zeros_like(biases)])
    logits = {
        name: [Logits(clip.patches + of_embedding, clip.together + of_embedding) for clip in clips]
        for name, clips in logits.items()
    }
    casual, casual_weights = _casual(data, logits)
    head = with_thresholds(biased, casual, casual_weights, config)
    of_clips = {
        name: np.stack([clip_logits(head, clip) for clip in clips])
        for name, clips in logits.items()
    }
    head = with_temperature(
        head, np.concatenate([of_clips[name] for name in used]), labels, weights
    )
    predictions = {
        name: Predictions(
            data.held_out[name].labels,
            head.probabilities(of_clip).astype(np.float64),
            numbered(data.held_out[name].groups),
        )
        for name, of_clip in of_clips.items()
    }
    return Calibrated(head, predictions)


def describe(head: Head) -> dict[str, Any]:
    """Temperature and thresholds, for a person to read; serving reads ``head.npz``."""
    thresholds = {str(label): float(head.event_thresholds[label.class_id]) for label in LABELS[1:]}
    releases = {str(label): float(head.event_releases[label.class_id]) for label in LABELS[1:]}
    return {
        "temperature": head.temperature,
        "event_thresholds": thresholds,
        "event_releases": releases,
        "uncertain_below": head.uncertain_below,
    }


def _casual(
    data: TrainingData, logits: dict[str, list[Logits]]
) -> tuple[list[Logits], NDArray[np.float64]]:
    """Casual held-out clips, and the weights that give each set its share."""
    clips: list[Logits] = []
    weights: list[float] = []
    for name, share in THRESHOLD_SHARES.items():
        if name in logits:
            casual = np.flatnonzero(data.held_out[name].labels == Label.CASUAL.class_id)
            clips += [logits[name][i] for i in casual]
            weights += [share / len(casual)] * len(casual)
    return clips, np.array(weights)


def _weights(name: str, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    share = CALIBRATION_SHARES[name]
    if not name.startswith("broadened"):
        return np.full(len(labels), share / len(labels))
    casual = labels == Label.CASUAL.class_id
    of_casual = share * OPEN_AUDIO_CASUAL_SHARE / casual.sum()
    of_threat = share * (1 - OPEN_AUDIO_CASUAL_SHARE) / (~casual).sum()
    weights: NDArray[np.float64] = np.where(casual, of_casual, of_threat)
    return weights
