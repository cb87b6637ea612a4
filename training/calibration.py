"""Out-of-fold predictions, and the thresholds and temperature that are chosen on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from earshot.head import Head
from earshot.labels import Label
from earshot.verdict import clip_logits
from training.feature_set import FeatureSet, Floats
from training.fitting import HeadConfig, out_of_fold, with_temperature, with_thresholds
from training.metrics import Predictions, numbered
from training.recipe import TrainingData

# Say of each held-out set in the choice of thresholds and of the temperature, by its first and
# by both words. The clean clips of either source count alike in the temperature.
THRESHOLD_SHARES = {"sesa clean": 1.0, "broadened clean": 0.5}
TEMPERATURE_SHARES = {
    "sesa clean": 1.0,
    "sesa augmented": 0.5,
    "sesa noisy": 0.25,
    "broadened clean": 1.0,
}
# Casual clips are most of the broadened set; they have this share of its say.
BROADENED_CASUAL_SHARE = 0.4


@dataclass(frozen=True)
class Calibrated:
    """A head with thresholds and temperature, and how it did on clips it never heard.

    Attributes:
        head: ready to serve.
        predictions: out of fold, by held-out set.
    """

    head: Head
    predictions: dict[str, Predictions]


def calibrate(head: Head, data: TrainingData, config: HeadConfig) -> Calibrated:
    """Choose thresholds, then the temperature, on out-of-fold predictions of held-out clips."""
    together = FeatureSet.join(list(data.held_out.values()))
    logits = out_of_fold(data.training, together, data.fold_of, config)
    of_clip = iter(logits)
    by_set = {name: [next(of_clip) for _ in held.labels] for name, held in data.held_out.items()}
    casual, weights = _casual(data, by_set)
    head = with_thresholds(head, casual, weights, config)
    of_clips = {
        name: np.stack([clip_logits(head, clip) for clip in clips])
        for name, clips in by_set.items()
    }
    used = [name for name in TEMPERATURE_SHARES if name in of_clips]
    head = with_temperature(
        head,
        np.concatenate([of_clips[name] for name in used]),
        np.concatenate([data.held_out[name].labels for name in used]),
        np.concatenate([_temperature_weights(name, data.held_out[name].labels) for name in used]),
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


def _casual(
    data: TrainingData, logits: dict[str, list[Floats]]
) -> tuple[list[Floats], NDArray[np.float64]]:
    """Casual held-out clips, and the weights that give each set its share."""
    clips: list[Floats] = []
    weights: list[float] = []
    for name, share in THRESHOLD_SHARES.items():
        if name in logits:
            casual = np.flatnonzero(data.held_out[name].labels == Label.CASUAL.class_id)
            clips += [logits[name][i] for i in casual]
            weights += [share / len(casual)] * len(casual)
    return clips, np.array(weights)


def _temperature_weights(name: str, labels: NDArray[np.int64]) -> NDArray[np.float64]:
    share = TEMPERATURE_SHARES[name]
    if not name.startswith("broadened"):
        return np.full(len(labels), share / len(labels))
    casual = labels == Label.CASUAL.class_id
    of_casual = share * BROADENED_CASUAL_SHARE / casual.sum()
    of_threat = share * (1 - BROADENED_CASUAL_SHARE) / (~casual).sum()
    weights: NDArray[np.float64] = np.where(casual, of_casual, of_threat)
    return weights
