"""The retraining's own code on a folder of labelled clips, without a stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earshot.yamnet import Yamnet
from training import core
from training.calibration import describe
from training.clip_features import ClipFeatures
from training.export import write_version
from training.split import recordings


def fit(features: ClipFeatures, parent: core.Parent | None, seed: int = 0) -> core.Fit:
    """Learn from these clips, going on from a parent."""
    groups = recordings(features)
    known = [bool(parent and clip.sha256 in parent.learnt) for clip in features.clips]
    return core.fit(
        features.feature_set([str(groups[clip.sha256]) for clip in features.clips]),
        parent,
        unheard=np.zeros(len(features), bool),
        known=np.array(known, bool),
        seed=seed,
    )


def write(fitted: core.Fit, folder: Path, yamnet: Yamnet) -> None:
    """Write a version without anything to go on from but its networks."""
    write_version(
        folder,
        fitted.head.to_arrays(),
        fitted.networks,
        {},
        {},
        parent=None,
        yamnet_weights_sha256=yamnet.weights_sha256,
        parameters=fitted.parameters,
        calibration=describe(fitted.head),
    )
