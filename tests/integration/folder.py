"""The retraining's own code on a folder of labelled clips, without a stack."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from earshot.retraining.plan import Request, make_plan
from earshot.uploads import HELD_OUT_PREFIX, TRAINING_PREFIX
from earshot.yamnet import Yamnet
from training import core
from training.calibration import describe
from training.clip_features import ClipFeatures, concatenate
from training.dataset import labelled_clips
from training.export import write_version
from training.split import recordings
from training.steps.embed import hear_batch


def embed_folder(data: Path, held_out: Path | None, yamnet: Yamnet) -> ClipFeatures:
    """Features of all labelled clips in two folders."""
    paths = {}
    for prefix, folder in ((TRAINING_PREFIX, data), (HELD_OUT_PREFIX, held_out)):
        for clip in labelled_clips(folder) if folder else ():
            paths[f"{prefix}{clip.label}/{clip.path.name}"] = clip.path
    objects = [(key, "", path.stat().st_size) for key, path in paths.items()]
    plan = make_plan(objects, Request(augmentations=()))
    heard = [
        hear_batch(batch, lambda clip: paths[clip.key].read_bytes(), yamnet, (), 0)
        for batch in plan.batches
    ]
    assert not [clip for batch in heard for clip in batch.rejected]
    return concatenate(batch.features for batch in heard)


def fit(features: ClipFeatures, parent: core.Parent | None) -> core.Fit:
    """Learn from these clips, going on from a parent."""
    groups = recordings(features)
    return core.fit(
        features.feature_set([str(groups[clip.sha256]) for clip in features.clips]),
        np.zeros(len(features), bool),
        parent,
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
