"""A logistic regression on AudioSet groups alone, added to the head's last layer.

Trained beside a hidden layer that fits the training clips' microphones, the groups get too little
weight, although they carry over to other microphones. Both are linear in the last layer, so the sum
is one layer again and costs nothing to serve.
"""

from __future__ import annotations

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from earshot.labels import LABELS, Label
from training.data.feature_set import FeatureSet, Floats
from training.head.score_groups import score_groups

_CHUNK = 20_000  # patches
_STRENGTH = 500.0  # C of the regression, with weights that add up to 1


def add_group_regression(
    network: keras.Model, clips: FeatureSet, casual_share: float, share: float
) -> None:
    """Add the regression's coefficients to those of the groups in the last layer.

    Args:
        network: as `training.head.network.build_network` gives it; changed in place.
        clips: to fit it on, with their AudioSet scores and weights.
        casual_share: weight of all casual clips; the other labels share the rest alike.
        share: of the regression's logits that are added.
    """
    if share == 0 or len(np.unique(clips.labels)) < len(LABELS):
        return
    regression = LogisticRegression(C=_STRENGTH, max_iter=1000)
    regression.fit(_units(clips), clips.labels, sample_weight=_weights(clips, casual_share))
    of_mean, of_maximum = np.split(regression.coef_.T, 2)
    layer = network.get_layer("logits")
    kernel, bias = layer.get_weights()
    kernel_mean, kernel_maximum = np.split(kernel, 2)
    n_groups = len(of_mean)
    kernel_mean[-n_groups:] += share * of_mean
    kernel_maximum[-n_groups:] += share * of_maximum
    layer.set_weights(
        [np.concatenate([kernel_mean, kernel_maximum]), bias + share * _bias(regression)]
    )


def _bias(regression: LogisticRegression) -> NDArray[np.float64]:
    bias: NDArray[np.float64] = regression.intercept_
    return bias


def _units(clips: FeatureSet) -> Floats:
    """Mean and maximum of each group over a clip's patches, ``(clips, 2 groups)``."""
    groups = score_groups()
    units = np.concatenate(
        [
            groups.units(clips.scores[begin : begin + _CHUNK].astype(np.float32))
            for begin in range(0, len(clips.scores), _CHUNK)
        ]
    )
    means = np.add.reduceat(units, clips.offsets[:-1], axis=0) / clips.lengths[:, None]
    maxima = np.maximum.reduceat(units, clips.offsets[:-1], axis=0)
    return np.concatenate([means, maxima], axis=1).astype(np.float32)


def _weights(clips: FeatureSet, casual_share: float) -> NDArray[np.float64]:
    weights = clips.weights.astype(np.float64)
    for label in LABELS:
        of_label = clips.labels == label.class_id
        share = casual_share if label is Label.CASUAL else (1 - casual_share) / (len(LABELS) - 1)
        weights[of_label] *= share / weights[of_label].sum()
    return weights
