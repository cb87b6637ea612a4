"""Fit a head for a retraining: go on from the champion's networks, or start afresh."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.head import Head, ScoreGroups, normalised
from earshot.labels import Label
from earshot.verdict import clip_logits
from training.experts import (
    ClipBatches,
    ExpertConfig,
    balanced_weights,
    build_patch_network,
    pooled,
    spread_rows,
)
from training.feature_set import FeatureSet, Floats
from training.fitting import (
    HeadConfig,
    patch_logits_by_clip,
    served,
    uncalibrated,
    with_temperature,
    with_thresholds,
)
from training.score_groups import score_groups

MAX_EPOCHS = 40
LEARNING_RATE = 1e-3
# The parent's weights are already good: smaller steps keep what is good of them. Not so small that
# nothing is learnt: at 1e-4, sixty clips under wrong labels left macro F1 as it was.
LEARNING_RATE_FROM_PARENT = 3e-4
STOP_AFTER_EPOCHS = 6
REDUCE_AFTER_EPOCHS = 3
VALIDATION_ONE_IN = 8
# With few clips, smaller batches, so that an epoch is more than a step or two.
BATCHES_AN_EPOCH, MIN_BATCH_CLIPS = 16, 16
# Clips that no model has learnt from, so many at least, to choose the temperature anew on; and
# casual ones among them, for the event thresholds: 2 % of these is one clip.
MIN_CLIPS_FOR_TEMPERATURE = 40
MIN_CASUAL_FOR_THRESHOLDS = 50


@dataclass(frozen=True)
class Parent:
    """The version that a retraining goes on from.

    Attributes:
        version: its name.
        head: as it serves.
        networks: of its experts, such as ``embedding_0``; None starts afresh.
        learnt: SHA-256 of the clips that it learnt from.
    """

    version: str
    head: Head
    networks: Mapping[str, keras.Model] | None
    learnt: frozenset[str]


@dataclass(frozen=True)
class Fit:
    """A fitted head, and how the fit went.

    Attributes:
        head: ready to serve.
        networks: that its experts come from.
        curves: by network, loss and validation loss of each epoch.
        parameters: that the manifest keeps.
        chosen_anew: which of ``temperature`` and ``thresholds`` are not the parent's.
    """

    head: Head
    networks: dict[str, keras.Model]
    curves: dict[str, list[float]]
    parameters: dict[str, Any]
    chosen_anew: tuple[str, ...]


def fit(clips: FeatureSet, unheard: NDArray[np.bool_], parent: Parent | None, seed: int = 0) -> Fit:
    """Fit a head.

    Groups, weights, pooling and biases are the parent's. So are temperature and thresholds,
    unless enough of the validation clips are new to choose them on: on what the parent has
    learnt from, a head is surer than it should be.

    Args:
        clips: to learn from; their groups are recordings.
        unheard: which are no augmented copies and of recordings that the parent never learnt
            from, ``(clips,)``.
        parent: that it goes on from; None starts afresh.
        seed: of all chance.
    """
    keras.utils.set_random_seed(seed)
    goes_on = parent is not None and parent.networks is not None
    config = _config(clips, parent, LEARNING_RATE_FROM_PARENT if goes_on else LEARNING_RATE, seed)
    groups = parent.head.groups if parent else score_groups()
    validates = _validation_clips(clips, seed)
    learnt = validating = clips
    if validates.any():
        learnt, validating = clips.select(~validates), clips.select(validates)
    networks: dict[str, keras.Model] = {}
    curves: dict[str, list[float]] = {}
    for expert, of in (("embedding", config.embedding), ("score", config.score)):
        inputs = _inputs(expert, learnt, groups)
        validation = _validation_data(_inputs(expert, validating, groups), validating, of)
        for name, network in _begin(expert, parent, inputs, config, of).items():
            batches = ClipBatches(inputs, learnt, of, seed + len(networks))
            history = _learn(network, batches, validation, of, config.pool_sharpness)
            networks[name] = network
            curves |= {
                f"{name} {what}": [float(value) for value in history[what]]
                for what in ("loss", "val_loss")
            }
    if parent is None:
        head = uncalibrated(networks, groups, config)
    else:
        embedding = served(networks, "embedding")
        embedding = replace(embedding, bias_1=embedding.bias_1 + _biases(parent))
        head = replace(parent.head, embedding=embedding, score=served(networks, "score"))
    head, chosen_anew = _calibrated(head, clips.select(validates & unheard), config)
    parameters = {
        "optimizer": "adam",
        "stop_after_epochs": STOP_AFTER_EPOCHS,
        "reduce_after_epochs": REDUCE_AFTER_EPOCHS,
        "validation_one_in": VALIDATION_ONE_IN,
        **config.to_json(),
    }
    return Fit(head, networks, curves, parameters, chosen_anew)


def clip_probabilities(head: Head, clips: FeatureSet) -> NDArray[np.float64]:
    """What serving would say of each clip, ``(clips, 4)``."""
    rows = [
        head.probabilities(clip_logits(head, patches))
        for patches in patch_logits_by_clip(head, clips)
    ]
    return np.array(rows, np.float64)


def _config(clips: FeatureSet, parent: Parent | None, rate: float, seed: int) -> HeadConfig:
    config = HeadConfig(seed=seed)
    if parent is not None:
        config = replace(
            config,
            score=replace(config.score, pool_share=parent.head.pool_share),
            score_weight=parent.head.score_weight,
            pool_sharpness=parent.head.pool_sharpness,
            uncertain_below=parent.head.uncertain_below,
        )
    most = config.embedding.batch_clips
    batch_clips = int(np.clip(len(clips.labels) // BATCHES_AN_EPOCH, MIN_BATCH_CLIPS, most))

    def as_here(of: ExpertConfig) -> ExpertConfig:
        return replace(of, epochs=MAX_EPOCHS, learning_rate=rate, batch_clips=batch_clips)

    return replace(config, embedding=as_here(config.embedding), score=as_here(config.score))


def _begin(
    expert: str, parent: Parent | None, inputs: Floats, config: HeadConfig, of: ExpertConfig
) -> dict[str, keras.Model]:
    """Networks of an expert before they learn: the parent's, or fresh ones."""
    if parent is not None and parent.networks is not None:
        return {name: own for name, own in parent.networks.items() if name.startswith(expert)}
    return {f"{expert}_{n}": build_patch_network(of, inputs) for n in range(config.members)}


def _learn(
    network: keras.Model,
    batches: ClipBatches,
    validation: tuple[Floats, NDArray[np.int64], Floats],
    config: ExpertConfig,
    pool_sharpness: float,
) -> dict[str, list[float]]:
    """Train a network until it no longer helps, and keep its best weights."""
    clip_network = pooled(network, config, pool_sharpness)
    clip_network.compile(
        keras.optimizers.Adam(config.learning_rate),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    with tempfile.TemporaryDirectory() as scratch:
        best = str(Path(scratch) / "best.weights.h5")
        history: dict[str, list[float]] = clip_network.fit(
            batches,
            validation_data=validation,
            epochs=config.epochs,
            verbose=0,
            callbacks=[
                keras.callbacks.ModelCheckpoint(best, save_best_only=True, save_weights_only=True),
                keras.callbacks.ReduceLROnPlateau(patience=REDUCE_AFTER_EPOCHS, factor=0.3),
                keras.callbacks.EarlyStopping(patience=STOP_AFTER_EPOCHS),
            ],
        ).history
        clip_network.load_weights(best)
    return history


def _inputs(expert: str, clips: FeatureSet, groups: ScoreGroups) -> Floats:
    return normalised(clips.embeddings) if expert == "embedding" else groups.log_odds(clips.scores)


def _validation_data(
    inputs: Floats, clips: FeatureSet, config: ExpertConfig
) -> tuple[Floats, NDArray[np.int64], Floats]:
    """The same patches of each clip in each epoch."""
    everything = np.arange(len(clips.labels))
    rows = spread_rows(clips, everything, np.full((len(everything), config.patches_per_clip), 0.5))
    return inputs[rows], clips.labels, balanced_weights(clips)


def _validation_clips(clips: FeatureSet, seed: int) -> NDArray[np.bool_]:
    """Clips of one recording in eight, and of each class one recording at least, if it has two.

    There are none if no class has two; then what is learnt from validates, too.
    """
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for class_id in np.unique(clips.labels):
        own = rng.permutation(np.unique(clips.groups[clips.labels == class_id]))
        n = max(1, len(own) // VALIDATION_ONE_IN) if len(own) > 1 else 0
        chosen.update(own[:n].tolist())
    return np.isin(clips.groups, sorted(chosen))


def _biases(parent: Parent) -> Floats | float:
    """What calibration had added to the parent's networks; see `training.fitting.with_biases`."""
    if parent.networks is None:
        return 0.0
    return parent.head.embedding.bias_1 - served(parent.networks, "embedding").bias_1


def _calibrated(head: Head, clips: FeatureSet, config: HeadConfig) -> tuple[Head, tuple[str, ...]]:
    """The head with thresholds and temperature chosen on these clips, where they are enough."""
    logits = patch_logits_by_clip(head, clips)
    casual = [logits[i] for i in np.flatnonzero(clips.labels == Label.CASUAL.class_id)]
    chosen = []
    if len(casual) >= MIN_CASUAL_FOR_THRESHOLDS:
        head = with_thresholds(head, casual, np.ones(len(casual)), config)
        chosen.append("thresholds")
    if len(logits) >= MIN_CLIPS_FOR_TEMPERATURE:
        of_clips = np.stack([clip_logits(head, clip) for clip in logits])
        head = with_temperature(head, of_clips, clips.labels, np.ones(len(logits)))
        chosen.append("temperature")
    return head, tuple(chosen)
