"""The two experts of the head as Keras networks, and how they are fitted.

A network is trained on clip labels, through a pool over the patches, because nobody has labelled
patches. A patch alone is to it a clip of one patch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS
from earshot.model.head import Expert
from training.data.feature_set import FeatureSet, Floats


@dataclass(frozen=True)
class ExpertConfig:
    """Hyper-parameters of one expert.

    Attributes:
        hidden: width of the hidden layer.
        input_dropout, dropout: rates before the hidden layer, and after the pool.
        weight_decay: L2.
        epochs: over all clips; the learning rate falls to 0 along half a cosine.
        patches_per_clip: drawn of each clip each time, spread over its length.
        one_scale: divide all inputs by one deviation rather than each by its own.
        batch_clips: clips of a batch.
        learning_rate: at the start, of Adam.
    """

    hidden: int
    input_dropout: float
    dropout: float
    weight_decay: float
    epochs: int
    patches_per_clip: int
    one_scale: bool
    batch_clips: int = 256
    learning_rate: float = 2e-3


@keras.saving.register_keras_serializable("earshot")
class MeanAndMaximum(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Mean and maximum over patches: ``(batch, patches, n)`` to ``(batch, 2 n)``."""

    def call(self, hidden: Any) -> Any:
        """Pool over the patches."""
        return keras.ops.concatenate(
            [keras.ops.mean(hidden, axis=1), keras.ops.max(hidden, axis=1)], axis=-1
        )


class ClipBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """Random clips, each as the same number of patches spread over its length, new every epoch."""

    def __init__(self, inputs: Any, clips: FeatureSet, config: ExpertConfig, seed: int) -> None:
        super().__init__()
        self._inputs, self._clips, self._config = inputs, clips, config
        self._weights = balanced_weights(clips)
        self._rng = np.random.default_rng(seed)
        self._order = self._rng.permutation(len(clips.labels))

    def __len__(self) -> int:
        return max(1, len(self._order) // self._config.batch_clips)

    def on_epoch_end(self) -> None:
        """Shuffle the clips."""
        self._order = self._rng.permutation(len(self._order))

    def draw(self, index: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Clips of a batch, ``(clips,)``, and the rows drawn of each, ``(clips, patches)``."""
        size, n_patches = self._config.batch_clips, self._config.patches_per_clip
        chosen = self._order[index * size : (index + 1) * size]
        return chosen, spread_rows(self._clips, chosen, self._rng.random((len(chosen), n_patches)))

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        chosen, rows = self.draw(index)
        return self._inputs[rows], self._clips.labels[chosen], self._weights[chosen]


def balanced_weights(clips: FeatureSet) -> Floats:
    """Weights of clips in the loss, ``(clips,)``, that give each label the same say."""
    of_label = np.bincount(clips.labels, weights=clips.weights, minlength=len(LABELS))
    balance = of_label.sum() / (len(LABELS) * np.maximum(of_label, 1))
    weights: Floats = (balance[clips.labels] * clips.weights).astype(np.float32)
    return weights


def spread_rows(
    clips: FeatureSet, chosen: NDArray[np.int64], jitter: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Rows of patches that are spread over the length of their clips, ``(chosen, patches)``.

    Args:
        clips: all of them.
        chosen: indices of clips.
        jitter: ``(chosen, patches)`` where in its stretch of the clip each patch lies, in 0..1.
    """
    n_patches = jitter.shape[1]
    position = (np.arange(n_patches) + jitter) / n_patches
    patches = (position * clips.lengths[chosen, None]).astype(np.int64)
    rows: NDArray[np.int64] = clips.offsets[chosen, None] + patches
    return rows


def build_network(config: ExpertConfig, inputs: Floats) -> keras.Model:
    """Network of clip logits ``(batch, 4)``, of ``(batch, patches, inputs)`` for any patches.

    Args:
        config: sizes and rates.
        inputs: training rows, for the normalisation.
    """
    deviation = inputs.std(axis=0)
    if config.one_scale:
        deviation = np.full_like(deviation, deviation.mean())
    decay = keras.regularizers.L2(config.weight_decay)
    return keras.Sequential(
        [
            keras.Input((None, inputs.shape[1])),
            keras.layers.Normalization(
                mean=inputs.mean(axis=0), variance=np.square(deviation), name="normalise"
            ),
            keras.layers.Dropout(config.input_dropout),
            keras.layers.Dense(config.hidden, kernel_regularizer=decay, name="hidden"),
            keras.layers.BatchNormalization(momentum=0.95, name="batch_norm"),
            keras.layers.ReLU(),
            MeanAndMaximum(),
            keras.layers.Dropout(config.dropout),
            keras.layers.Dense(len(LABELS), kernel_regularizer=decay, name="logits"),
        ]
    )


def fit_expert(inputs: Floats, clips: FeatureSet, config: ExpertConfig, seed: int) -> keras.Model:
    """Train a network on clip labels.

    Args:
        inputs: ``(patches, features)`` of the clips.
        clips: their lengths, labels and weights.
        config: of the expert.
        seed: the same seed gives the same network on the same machine.
    """
    keras.utils.set_random_seed(seed)
    network = build_network(config, inputs)
    batches = ClipBatches(inputs, clips, config, seed)
    learner = learner_of(network)
    learner.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                config.learning_rate, config.epochs * len(batches)
            )
        ),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    learner.fit(batches, epochs=config.epochs, verbose=0)
    return network


def learner_of(network: keras.Model) -> keras.Model:
    """The same weights, to compile and fit: an optimiser's state would be saved with `network`."""
    return keras.Model(network.inputs, network.outputs)


def as_expert(network: keras.Model) -> Expert:
    """The network as serving runs it: normalisation and batch norm folded in."""
    normalise = network.get_layer("normalise")
    mean, variance = (np.asarray(v).reshape(-1) for v in (normalise.mean, normalise.variance))
    deviation = np.sqrt(variance)
    kernel, bias = network.get_layer("hidden").get_weights()
    batch_norm = network.get_layer("batch_norm")
    gamma, beta, moving_mean, moving_variance = batch_norm.get_weights()
    gain = gamma / np.sqrt(moving_variance + batch_norm.epsilon)
    kernel_1, bias_1 = network.get_layer("logits").get_weights()
    kernel_mean, kernel_max = np.split(np.asarray(kernel_1, np.float32), 2)
    return Expert(
        kernel_0=np.asarray(kernel / deviation[:, None] * gain, np.float32),
        bias_0=np.asarray(
            (bias - (mean / deviation) @ kernel - moving_mean) * gain + beta, np.float32
        ),
        kernel_mean=kernel_mean,
        kernel_max=kernel_max,
        bias_1=np.asarray(bias_1, np.float32),
    )


def mean_of(experts: Sequence[Expert]) -> Expert:
    """One expert, all hidden units side by side, whose logits are the mean of the experts'."""
    share = np.float32(1 / len(experts))
    return Expert(
        kernel_0=np.concatenate([expert.kernel_0 for expert in experts], axis=1),
        bias_0=np.concatenate([expert.bias_0 for expert in experts]),
        kernel_mean=np.concatenate([expert.kernel_mean for expert in experts]) * share,
        kernel_max=np.concatenate([expert.kernel_max for expert in experts]) * share,
        bias_1=np.mean([expert.bias_1 for expert in experts], axis=0, dtype=np.float32),
    )
