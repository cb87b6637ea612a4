"""Feature sets for tests."""

from __future__ import annotations

import numpy as np

from training.data.feature_set import FeatureSet

_MEMBERS = ("embeddings", "scores", "lengths", "labels", "weights", "groups")


def together(*sets: FeatureSet) -> FeatureSet:
    """The clips of several sets, one set after the other."""
    return FeatureSet(*(np.concatenate([getattr(one, name) for one in sets]) for name in _MEMBERS))
