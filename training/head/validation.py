"""Which clips of a retraining validate, and what each counts."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.data.feature_set import FeatureSet, Floats
from training.head.network import NetworkConfig, balanced_weights, spread_rows

VALIDATION_ONE_IN = 8


def validation_clips(clips: FeatureSet, known: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Clips of one recording in eight, and of each class one recording at least, if it has two.

    So it is of what the parent knows, and of the rest. There are none if no class has two; then
    what is learned from validates, too.
    """
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for class_id in np.unique(clips.labels):
        for alike in (known, ~known):
            own = np.unique(clips.groups[(clips.labels == class_id) & alike])
            n = max(1, len(own) // VALIDATION_ONE_IN) if len(own) > 1 else 0
            chosen.update(rng.permutation(own)[:n].tolist())
    return np.isin(clips.groups, sorted(chosen))


def validation_rows(clips: FeatureSet, config: NetworkConfig) -> NDArray[np.int64]:
    """The same patches of each clip in each epoch, ``(clips, patches)``."""
    everything = np.arange(len(clips.labels))
    return spread_rows(clips, everything, np.full((len(everything), config.patches_per_clip), 0.5))


def validation_weights(clips: FeatureSet, known: NDArray[np.bool_]) -> Floats:
    """Weights ``(clips,)`` that give what the parent knows as much weight as all that is new.

    Else a few new clips would have no effect, and what learns nothing would seem best.
    """
    weights = balanced_weights(clips)
    if known.any() and not known.all():
        half = weights.sum() / 2
        for alike in (known, ~known):
            weights[alike] *= half / weights[alike].sum()
    return weights
