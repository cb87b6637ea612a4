"""Fit a head for a retraining: go on from the champion's network, or start afresh.

A retraining that goes on is to learn what is new and to keep all else. So the champion's own
answers are the targets on clips that it has learned already: to those it is held, whichever of
them a label would pull it away from (Li & Hoiem 2016, "Learning without forgetting",
arXiv:1606.09282, with the old clips' features at hand). Batch norm keeps the statistics of what
the champion learned from, which are those of far more clips. And of the way that its weights went,
it goes most: what is left out forgets less (Wortsman et al. 2022, "Robust fine-tuning of zero-shot
models", arXiv:2109.01903). Last, the layer of the logits is refitted so that a person's corrections
are learned, each of them: see `training.head.refit`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import Label
from earshot.model.head import Head
from training.data.feature_set import FeatureSet, Floats
from training.head.distillation import Batches, Pair, targets_of, teacher_of
from training.head.fitting import clip_scores, logits_by_clip, with_temperature
from training.head.network import (
    Inputs,
    NetworkConfig,
    as_head,
    build_network,
    learner_of,
)
from training.head.refit import refit
from training.head.validation import (
    VALIDATION_ONE_IN,
    validation_clips,
    validation_rows,
    validation_weights,
)

_CROSS_ENTROPY = "cross_entropy"
MAX_EPOCHS = 40
LEARNING_RATE = 1e-3
# The parent's weights are already good: smaller steps keep what is good of them. Not so small that
# nothing is learned: at 1e-4, sixty clips under wrong labels left macro F1 as it was.
LEARNING_RATE_FROM_PARENT = 3e-4
STOP_AFTER_EPOCHS = 6
REDUCE_AFTER_EPOCHS = 3
# Ten new clips of one class beside a replay: at 0.5, half of them were learned; at 0.85, nine and
# ten in two runs, and macro F1 on held-out clips fell in neither (`test_replay.py`).
SHARE_OF_THE_WAY = 0.85
# With few clips, smaller batches, so that an epoch is more than a step or two.
BATCHES_AN_EPOCH, MIN_BATCH_CLIPS, MAX_BATCH_CLIPS = 16, 16, 64
# Clips that no model has learned from, so many at least, to choose the temperature anew on.
MIN_CLIPS_FOR_TEMPERATURE = 40


@dataclass(frozen=True)
class Parent:
    """The version that a retraining goes on from.

    Attributes:
        version: its name.
        head: as it serves.
        network: that the head comes from; None starts afresh.
        learned: SHA-256 of the clips that it learned from, and the label of each.
    """

    version: str
    head: Head
    network: keras.Model | None
    learned: Mapping[str, Label]


@dataclass(frozen=True)
class Fit:
    """A fitted head, and how the fit went.

    Attributes:
        head: ready to serve.
        network: that the head comes from.
        curves: loss and validation loss of each epoch.
        parameters: that the manifest keeps.
        chosen_anew: ``temperature``, if it is not the parent's.
    """

    head: Head
    network: keras.Model
    curves: dict[str, list[float]]
    parameters: dict[str, Any]
    chosen_anew: tuple[str, ...]


def fit(
    clips: FeatureSet,
    parent: Parent | None = None,
    *,
    unlearned: NDArray[np.bool_] | None = None,
    known: NDArray[np.bool_] | None = None,
    corrected: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Fit:
    """Fit a head.

    Biases, alert thresholds and length slopes are the parent's: a retraining has no hours of
    everyday sound to choose them on. So is the temperature, unless enough of the validation clips
    are new to choose it on: on what the parent has learned from, a head is surer than it should be.

    Args:
        clips: to learn from; their groups are recordings.
        parent: that it goes on from; None starts afresh.
        unlearned: which are no augmented copies and of recordings that the parent never learned
            from, ``(clips,)``; all of them, by default.
        known: which the parent has learned under the same label, with their copies, ``(clips,)``;
            none of them, by default.
        corrected: which a person has corrected, with their copies, ``(clips,)``; none of them, by
            default. All of these are learned.
        seed: of all chance.

    Raises:
        ModelError: the fit came to weights that are not finite.
    """
    corrected = np.zeros(len(clips.labels), bool) if corrected is None else corrected
    unlearned = np.ones(len(clips.labels), bool) if unlearned is None else unlearned
    known = np.zeros(len(clips.labels), bool) if known is None else known
    keras.utils.set_random_seed(seed)
    goes_on = parent is not None and parent.network is not None
    config = _config(clips, LEARNING_RATE_FROM_PARENT if goes_on else LEARNING_RATE)
    validates = validation_clips(clips, known, seed)
    learns = ~validates if validates.any() else np.ones(len(known), bool)
    validates = validates if validates.any() else learns
    learned, validating = clips.select(learns), clips.select(validates)
    network = _begin(parent, config)
    teacher = teacher_of(network) if goes_on else None
    biases = _biases(parent)
    batches = Batches(
        Inputs.from_clips(learned),
        learned,
        config,
        seed,
        targets_of(learned.labels, known[learns], teacher),
    )
    rows = validation_rows(validating, config)
    inputs = Inputs.from_clips(validating).of(rows)
    wanted = targets_of(validating.labels, known[validates], teacher)(inputs, np.arange(len(rows)))
    weights = validation_weights(validating, known[validates])
    before = network.get_weights()
    history = _learn(network, batches, (inputs, wanted, weights), config)
    if goes_on:
        network.set_weights(_part_of_the_way(before, network.get_weights()))
    head = as_head(network)
    if parent is not None:
        head = replace(
            head,
            bias_1=head.bias_1 + biases,
            temperature=parent.head.temperature,
            alert_thresholds=parent.head.alert_thresholds,
            length_slopes=parent.head.length_slopes,
            pair_shares=parent.head.pair_shares,
        )
    head, chosen_anew = _calibrated(head, clips.select(validates & unlearned))
    lesson = corrected & ~known  # corrections that were learned before are to be kept, as all else
    if lesson.any():
        head = _learn_lesson(network, head, clips.select(lesson), clips.select(~lesson))
    parameters = {
        "optimizer": "adam",
        "stop_after_epochs": STOP_AFTER_EPOCHS,
        "reduce_after_epochs": REDUCE_AFTER_EPOCHS,
        "validation_one_in": VALIDATION_ONE_IN,
        "share_of_the_way": SHARE_OF_THE_WAY if goes_on else 1.0,
        "seed": seed,
        **asdict(config),
    }
    curves = {"loss": history[_CROSS_ENTROPY], "val_loss": history[f"val_{_CROSS_ENTROPY}"]}
    return Fit(head, network, curves, parameters, chosen_anew)


def _learn_lesson(network: keras.Model, head: Head, lesson: FeatureSet, replay: FeatureSet) -> Head:
    """Refit the last layer, of the head and of the network that it comes from."""
    taught = refit(head, lesson, replay)
    layer = network.get_layer("logits")
    kernel, bias = layer.get_weights()
    departure = np.concatenate(
        [taught.kernel_mean - head.kernel_mean, taught.kernel_max - head.kernel_max]
    )
    layer.set_weights([kernel + departure, bias + taught.bias_1 - head.bias_1])
    return taught


def clip_probabilities(head: Head, clips: FeatureSet) -> NDArray[np.float64]:
    """What serving would give for each clip, ``(clips, 4)``."""
    probabilities = head.probabilities(clip_scores(head, logits_by_clip(head, clips)))
    return np.asarray(probabilities, np.float64)


def _config(clips: FeatureSet, rate: float) -> NetworkConfig:
    batch_clips = int(
        np.clip(len(clips.labels) // BATCHES_AN_EPOCH, MIN_BATCH_CLIPS, MAX_BATCH_CLIPS)
    )
    return NetworkConfig(epochs=MAX_EPOCHS, learning_rate=rate, batch_clips=batch_clips)


def _begin(parent: Parent | None, config: NetworkConfig) -> keras.Model:
    """The network before it learns: a copy of the parent's, or a fresh one."""
    if parent is None or parent.network is None:
        return build_network(config)
    network = keras.models.clone_model(parent.network)
    network.set_weights(parent.network.get_weights())
    network.get_layer("batch_norm").trainable = False
    return network


def _learn(
    network: keras.Model,
    batches: Batches,
    validation: tuple[Pair, Floats, Floats],
    config: NetworkConfig,
) -> dict[str, list[float]]:
    """Train a network until it no longer helps, and keep its best weights.

    These may be those that it began with: what validates no better has learned nothing of use.
    What counts is the cross-entropy alone. The loss holds the weight decay too, which falls as
    weights shrink, whatever they are good for.
    """
    learner = learner_of(network)
    learner.compile(
        keras.optimizers.Adam(config.learning_rate),
        keras.losses.CategoricalCrossentropy(from_logits=True),
        weighted_metrics=[
            keras.metrics.CategoricalCrossentropy(from_logits=True, name=_CROSS_ENTROPY)
        ],
    )
    inputs, wanted, weights = validation
    at_first = learner.evaluate(inputs, wanted, sample_weight=weights, verbose=0, return_dict=True)[
        _CROSS_ENTROPY
    ]
    watched: dict[str, Any] = {"monitor": f"val_{_CROSS_ENTROPY}", "mode": "min"}
    with tempfile.TemporaryDirectory() as scratch:
        best = Path(scratch) / "best.weights.h5"
        before = learner.get_weights()
        history: dict[str, list[float]] = learner.fit(
            batches,
            validation_data=validation,
            epochs=config.epochs,
            verbose=0,
            callbacks=[
                keras.callbacks.ModelCheckpoint(
                    str(best),
                    save_best_only=True,
                    save_weights_only=True,
                    initial_value_threshold=at_first,
                    **watched,
                ),
                keras.callbacks.ReduceLROnPlateau(
                    patience=REDUCE_AFTER_EPOCHS, factor=0.3, **watched
                ),
                keras.callbacks.EarlyStopping(patience=STOP_AFTER_EPOCHS, **watched),
            ],
        ).history
        if best.exists():
            learner.load_weights(str(best))
        else:
            learner.set_weights(before)
    return {name: [float(value) for value in values] for name, values in history.items()}


def _part_of_the_way(before: Sequence[Floats], after: Sequence[Floats]) -> list[Floats]:
    """Weights between two networks'."""
    return [
        old + np.float32(SHARE_OF_THE_WAY) * (new - old)
        for old, new in zip(before, after, strict=True)
    ]


def _biases(parent: Parent | None) -> Floats | float:
    """What calibration had added to the parent's network; see `training.head.fitting`."""
    if parent is None or parent.network is None:
        return 0.0
    return parent.head.bias_1 - as_head(parent.network).bias_1


def _calibrated(head: Head, clips: FeatureSet) -> tuple[Head, tuple[str, ...]]:
    """The head with the temperature chosen on these clips, if they are enough."""
    if len(clips.labels) < MIN_CLIPS_FOR_TEMPERATURE:
        return head, ()
    scores = clip_scores(head, logits_by_clip(head, clips))
    weights = np.ones(len(clips.labels))
    return with_temperature(head, scores, clips.labels, weights), ("temperature",)
