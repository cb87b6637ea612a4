"""The retraining's own code on a folder of labeled clips, without a stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earshot.yamnet.flatbuffer import Yamnet
from training.data.clip_features import ClipFeatures
from training.data.grouping import recording_groups
from training.head import incremental
from training.head.calibration import describe
from training.head.export import write_version


def fit(
    features: ClipFeatures, parent: incremental.Parent | None, seed: int = 0
) -> incremental.Fit:
    """Fit to these clips, from a parent's networks if there is one."""
    groups = recording_groups(features)
    known = [bool(parent and clip.sha256 in parent.learned) for clip in features.clips]
    return incremental.fit(
        features.feature_set([str(groups[clip.sha256]) for clip in features.clips]),
        parent,
        unlearned=np.zeros(len(features), bool),
        known=np.array(known, bool),
        seed=seed,
    )


def write(fitted: incremental.Fit, folder: Path, yamnet: Yamnet) -> None:
    """Write a version without anything to go on from but its network."""
    write_version(
        folder,
        fitted.head.to_arrays(),
        fitted.network,
        {},
        {},
        parent=None,
        yamnet_weights_sha256=yamnet.weights_sha256,
        parameters=fitted.parameters,
        calibration=describe(fitted.head),
    )
