"""Targets of a retraining: labels of what is new, and the champion's own answers on the rest."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS
from training.data.feature_set import FeatureSet, Floats
from training.head.network import ClipBatches, Inputs, NetworkConfig

# Inputs of the network, ``(n, patches, ...)`` each; and what gives the probabilities that are to
# come out, ``(n, 4)``, of them and of which clips it is.
Pair = tuple[Floats, Floats]
Targets = Callable[[Pair, NDArray[np.int64]], Floats]


class Batches(ClipBatches):
    """Batches whose targets are probabilities rather than labels."""

    def __init__(
        self,
        inputs: Inputs,
        clips: FeatureSet,
        config: NetworkConfig,
        seed: int,
        targets: Targets,
    ) -> None:
        super().__init__(inputs, clips, config, seed)
        self._targets = targets

    def __getitem__(self, index: int) -> tuple[Pair, Floats, Floats]:
        chosen, rows = self.draw(index)
        inputs = self._inputs.of(rows)
        return inputs, self._targets(inputs, chosen), self._weights[chosen]


def teacher_of(network: keras.Model) -> keras.Model:
    """Network that stays as the parent is."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


def targets_of(
    labels: NDArray[np.int64], known: NDArray[np.bool_], teacher: keras.Model | None
) -> Targets:
    """What is to come out for clips, ``(n, 4)``, of their patches and their indices."""
    certain = np.eye(len(LABELS), dtype=np.float32)

    def targets(inputs: Pair, chosen: NDArray[np.int64]) -> Floats:
        wanted: Floats = certain[labels[chosen]]
        if teacher is not None and known[chosen].any():
            of_known = [of[known[chosen]] for of in inputs]
            own = keras.ops.softmax(teacher(of_known, training=False))
            wanted[known[chosen]] = keras.ops.convert_to_numpy(own)
        return wanted

    return targets
