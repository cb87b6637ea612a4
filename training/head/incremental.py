"""Fit a head for a retraining: go on from the champion's networks, or start afresh.

A retraining that goes on is to learn what is new and to keep all else. So the champion's own
answers are the targets on clips that it has learnt already: to those it is held, whichever of
them a label would pull it away from (Li & Hoiem 2016, "Learning without forgetting",
arXiv:1606.09282, with the old clips' features at hand). Batch norm keeps the statistics of what
the champion learnt from, which are those of far more clips. And of the way that its weights went,
it goes half: that keeps most of what was learnt, and forgets less (Wortsman et al. 2022, "Robust
fine-tuning of zero-shot models", arXiv:2109.01903).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.events import clip_logits
from earshot.model.head import Head, ScoreGroups, normalised
from training.data.feature_set import FeatureSet, Floats
from training.head.experts import (
    ClipBatches,
    ExpertConfig,
    balanced_weights,
    build_network,
    learner_of,
    spread_rows,
)
from training.head.fitting import (
    HeadConfig,
    logits_by_clip,
    served,
    uncalibrated,
    with_temperature,
    with_thresholds,
)
from training.head.score_groups import score_groups

_CROSS_ENTROPY = "cross_entropy"
# Probabilities that are to come out, ``(n, 4)``, of ``(n, patches, inputs)`` and which clips it is.
Targets = Callable[[Floats, NDArray[np.int64]], Floats]

MAX_EPOCHS = 40
LEARNING_RATE = 1e-3
# The parent's weights are already good: smaller steps keep what is good of them. Not so small that
# nothing is learnt: at 1e-4, sixty clips under wrong labels left macro F1 as it was.
LEARNING_RATE_FROM_PARENT = 3e-4
STOP_AFTER_EPOCHS = 6
REDUCE_AFTER_EPOCHS = 3
VALIDATION_ONE_IN = 8
SHARE_OF_THE_WAY = 0.5
# With few clips, smaller batches, so that an epoch is more than a step or two.
BATCHES_AN_EPOCH, MIN_BATCH_CLIPS, MAX_BATCH_CLIPS = 16, 16, 64
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
        learnt: SHA-256 of the clips that it learnt from, and the label of each.
    """

    version: str
    head: Head
    networks: Mapping[str, keras.Model] | None
    learnt: Mapping[str, Label]


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


class Batches(ClipBatches):
    """Batches whose targets are probabilities rather than labels."""

    def __init__(
        self,
        inputs: Floats,
        clips: FeatureSet,
        config: ExpertConfig,
        seed: int,
        targets: Targets,
    ) -> None:
        super().__init__(inputs, clips, config, seed)
        self._targets = targets

    def __getitem__(self, index: int) -> tuple[Floats, Floats, Floats]:
        chosen, rows = self.draw(index)
        inputs = self._inputs[rows]
        return inputs, self._targets(inputs, chosen), self._weights[chosen]


def fit(
    clips: FeatureSet,
    parent: Parent | None = None,
    *,
    unheard: NDArray[np.bool_] | None = None,
    known: NDArray[np.bool_] | None = None,
    seed: int = 0,
) -> Fit:
    """Fit a head.

    Groups, weights and biases are the parent's. So are temperature and thresholds,
    unless enough of the validation clips are new to choose them on: on what the parent has
    learnt from, a head is surer than it should be.

    Args:
        clips: to learn from; their groups are recordings.
        parent: that it goes on from; None starts afresh.
        unheard: which are no augmented copies and of recordings that the parent never learnt
            from, ``(clips,)``; all of them, unless told.
        known: which the parent has learnt under the same label, with their copies, ``(clips,)``;
            none of them, unless told.
        seed: of all chance.
    """
    unheard = np.ones(len(clips.labels), bool) if unheard is None else unheard
    known = np.zeros(len(clips.labels), bool) if known is None else known
    keras.utils.set_random_seed(seed)
    goes_on = parent is not None and parent.networks is not None
    config = _config(clips, parent, LEARNING_RATE_FROM_PARENT if goes_on else LEARNING_RATE, seed)
    groups = parent.head.groups if parent else score_groups()
    validates = _validation_clips(clips, known, seed)
    learns = ~validates if validates.any() else np.ones(len(known), bool)
    validates = validates if validates.any() else learns
    learnt, validating = clips.select(learns), clips.select(validates)
    validation_weights = _validation_weights(validating, known[validates])
    networks: dict[str, keras.Model] = {}
    curves: dict[str, list[float]] = {}
    for expert, of in (("embedding", config.embedding), ("score", config.score)):
        inputs = _inputs(expert, learnt, groups)
        rows = _validation_rows(validating, of)
        heard = _inputs(expert, validating, groups)[rows]
        for name, network in _begin(expert, parent, inputs, config, of).items():
            teacher = _teacher(network) if goes_on else None
            targets = _targets(learnt.labels, known[learns], teacher)
            batches = Batches(inputs, learnt, of, seed + len(networks), targets)
            wanted = _targets(validating.labels, known[validates], teacher)
            validation = heard, wanted(heard, np.arange(len(rows))), validation_weights
            before = network.get_weights()
            history = _learn(network, batches, validation, of)
            if goes_on:
                network.set_weights(_part_of_the_way(before, network.get_weights()))
            networks[name] = network
            curves |= {
                f"{name} loss": history[_CROSS_ENTROPY],
                f"{name} val_loss": history[f"val_{_CROSS_ENTROPY}"],
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
        "share_of_the_way": SHARE_OF_THE_WAY if goes_on else 1.0,
        **config.to_json(),
    }
    return Fit(head, networks, curves, parameters, chosen_anew)


def clip_probabilities(head: Head, clips: FeatureSet) -> NDArray[np.float64]:
    """What serving would say of each clip, ``(clips, 4)``."""
    rows = [
        head.probabilities(clip_logits(head, patches)) for patches in logits_by_clip(head, clips)
    ]
    return np.array(rows, np.float64)


def _config(clips: FeatureSet, parent: Parent | None, rate: float, seed: int) -> HeadConfig:
    config = HeadConfig(seed=seed)
    if parent is not None:
        config = replace(
            config,
            score_weight=parent.head.score_weight,
            uncertain_below=parent.head.uncertain_below,
        )
    batch_clips = int(
        np.clip(len(clips.labels) // BATCHES_AN_EPOCH, MIN_BATCH_CLIPS, MAX_BATCH_CLIPS)
    )

    def as_here(of: ExpertConfig) -> ExpertConfig:
        return replace(of, epochs=MAX_EPOCHS, learning_rate=rate, batch_clips=batch_clips)

    return replace(config, embedding=as_here(config.embedding), score=as_here(config.score))


def _begin(
    expert: str, parent: Parent | None, inputs: Floats, config: HeadConfig, of: ExpertConfig
) -> dict[str, keras.Model]:
    """Networks of an expert before they learn: the parent's, or fresh ones."""
    if parent is not None and parent.networks is not None:
        own = {name: net for name, net in parent.networks.items() if name.startswith(expert)}
        for network in own.values():
            network.get_layer("batch_norm").trainable = False
        return own
    return {f"{expert}_{n}": build_network(of, inputs) for n in range(config.members)}


def _learn(
    network: keras.Model,
    batches: Batches,
    validation: tuple[Floats, Floats, Floats],
    config: ExpertConfig,
) -> dict[str, list[float]]:
    """Train a network until it no longer helps, and keep its best weights.

    These may be those that it began with: what validates no better has learnt nothing of use.
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


def _inputs(expert: str, clips: FeatureSet, groups: ScoreGroups) -> Floats:
    return normalised(clips.embeddings) if expert == "embedding" else groups.log_odds(clips.scores)


def _teacher(network: keras.Model) -> keras.Model:
    """Network that stays as the parent is."""
    copy = keras.models.clone_model(network)
    copy.set_weights(network.get_weights())
    return copy


def _targets(
    labels: NDArray[np.int64], known: NDArray[np.bool_], teacher: keras.Model | None
) -> Targets:
    """What is to come out for clips, ``(n, 4)``, of their patches and their indices."""
    certain = np.eye(len(LABELS), dtype=np.float32)

    def targets(inputs: Floats, chosen: NDArray[np.int64]) -> Floats:
        wanted: Floats = certain[labels[chosen]]
        if teacher is not None and known[chosen].any():
            own = keras.ops.softmax(teacher(inputs[known[chosen]], training=False))
            wanted[known[chosen]] = keras.ops.convert_to_numpy(own)
        return wanted

    return targets


def _validation_rows(clips: FeatureSet, config: ExpertConfig) -> NDArray[np.int64]:
    """The same patches of each clip in each epoch, ``(clips, patches)``."""
    everything = np.arange(len(clips.labels))
    return spread_rows(clips, everything, np.full((len(everything), config.patches_per_clip), 0.5))


def _validation_clips(clips: FeatureSet, known: NDArray[np.bool_], seed: int) -> NDArray[np.bool_]:
    """Clips of one recording in eight, and of each class one recording at least, if it has two.

    So it is of what the parent knows, and of the rest. There are none if no class has two; then
    what is learnt from validates, too.
    """
    rng = np.random.default_rng(seed)
    chosen: set[str] = set()
    for class_id in np.unique(clips.labels):
        for alike in (known, ~known):
            own = np.unique(clips.groups[(clips.labels == class_id) & alike])
            n = max(1, len(own) // VALIDATION_ONE_IN) if len(own) > 1 else 0
            chosen.update(rng.permutation(own)[:n].tolist())
    return np.isin(clips.groups, sorted(chosen))


def _validation_weights(clips: FeatureSet, known: NDArray[np.bool_]) -> Floats:
    """Weights ``(clips,)`` that give what the parent knows as much say as all that is new.

    Else a few new clips would not be heard, and what learns nothing would seem best.
    """
    weights = balanced_weights(clips)
    if known.any() and not known.all():
        half = weights.sum() / 2
        for alike in (known, ~known):
            weights[alike] *= half / weights[alike].sum()
    return weights


def _biases(parent: Parent) -> Floats | float:
    """What calibration had added to the parent's networks; see `with_biases`."""
    if parent.networks is None:
        return 0.0
    return parent.head.embedding.bias_1 - served(parent.networks, "embedding").bias_1


def _calibrated(head: Head, clips: FeatureSet, config: HeadConfig) -> tuple[Head, tuple[str, ...]]:
    """The head with thresholds and temperature chosen on these clips, where they are enough."""
    logits = logits_by_clip(head, clips)
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
