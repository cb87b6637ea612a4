"""The head as a Keras network, and how it is fitted by itself.

A network is trained on clip labels, through a pool over the patches, because nobody has labeled
patches. A patch alone is to it a clip of one patch.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import keras
import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS
from earshot.model.head import Head, normalized
from earshot.yamnet.flatbuffer import N_EMBEDDING
from training.data.feature_set import FeatureSet, Floats
from training.head.score_groups import score_groups

# Weight of two neighboring patches beside their stretch, by label, in the order of `LABELS`. Chosen
# out of fold: at three false alarms an hour it finds .71, .56 and .39 of gunshots in everyday sound
# at 10, 5 and 0 dB (a half: .68, .52, .38); at one, .61 of explosions (.44), .57 of sirens (.50).
PAIR_SHARES = np.array([0.5, 0.65, 0.25, 0.25], np.float32)


@dataclass(frozen=True)
class NetworkConfig:
    """Hyper-parameters of the network.

    Attributes:
        hidden: width of the hidden layer.
        input_dropout, dropout: rates before the hidden layer, and after the pool.
        branch_dropout: share of clips that are learned from by their AudioSet scores alone.
        weight_decay: L2.
        epochs: over all clips, at most; of a retraining alone.
        patches_per_clip: drawn of each clip each time, spread over its length.
        batch_clips: clips of a batch.
        learning_rate: of Adam, at its highest.
    """

    hidden: int = 128
    input_dropout: float = 0.2
    dropout: float = 0.4
    branch_dropout: float = 0.3
    weight_decay: float = 5e-4
    epochs: int = 12
    patches_per_clip: int = 6
    batch_clips: int = 96
    learning_rate: float = 2e-3


class Inputs(NamedTuple):
    """What the network takes of patches.

    Attributes:
        embeddings: ``(patches, 1024)``, brought to one length.
        groups: ``(patches, groups)`` scaled log-odds of groups of AudioSet classes.
    """

    embeddings: Floats
    groups: Floats

    @classmethod
    def from_clips(cls, clips: FeatureSet) -> Self:
        """Of all patches of clips."""
        return cls(
            normalized(clips.embeddings.astype(np.float32)),
            score_groups().units(clips.scores.astype(np.float32)),
        )

    def of(self, rows: NDArray[np.int64]) -> tuple[Floats, Floats]:
        """Of some patches."""
        return self.embeddings[rows], self.groups[rows]


@keras.saving.register_keras_serializable("earshot")
class MeanAndMaximum(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Mean and maximum over patches: ``(batch, patches, n)`` to ``(batch, 2 n)``."""

    def call(self, hidden: Any) -> Any:
        """Pool over the patches."""
        return keras.ops.concatenate(
            [keras.ops.mean(hidden, axis=1), keras.ops.max(hidden, axis=1)], axis=-1
        )


@keras.saving.register_keras_serializable("earshot")
class BranchDropout(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """All units of a clip at 0, for a random share of the clips, in training alone.

    Nothing is scaled up for it: what the other branch learns by itself is what it adds in serving.
    """

    def __init__(self, rate: float, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        self._seeds = keras.random.SeedGenerator()

    def call(self, hidden: Any, training: bool = False) -> Any:
        """Drop clips of ``(batch, patches, n)``."""
        if not training:
            return hidden
        chance = keras.random.uniform((keras.ops.shape(hidden)[0], 1, 1), seed=self._seeds)
        return hidden * keras.ops.cast(chance >= self.rate, hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        """As saved."""
        return {**super().get_config(), "rate": self.rate}


CUSTOM_LAYERS = {f"earshot>{layer.__name__}": layer for layer in (MeanAndMaximum, BranchDropout)}


class ClipBatches(keras.utils.PyDataset):  # type: ignore[misc]  # Keras is untyped
    """Random clips, each as the same number of patches spread over its length, new every epoch."""

    def __init__(self, inputs: Inputs, clips: FeatureSet, config: NetworkConfig, seed: int) -> None:
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
        return self._inputs.of(rows), self._clips.labels[chosen], self._weights[chosen]


def balanced_weights(clips: FeatureSet) -> Floats:
    """Weights of clips in the loss, ``(clips,)``, that give each label the same weight."""
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


def build_network(config: NetworkConfig) -> keras.Model:
    """Network of clip logits ``(batch, 4)``, of any number of patches.

    It takes embeddings ``(batch, patches, 1024)``, brought to one length, and the scaled log-odds
    of groups ``(batch, patches, groups)``. Embeddings are not standardized one by one: that lifts
    what is next to silent in training, and everyday sound then runs far out of range.
    """
    decay = keras.regularizers.L2(config.weight_decay)
    embeddings = keras.Input((None, N_EMBEDDING), name="embeddings")
    groups = keras.Input((None, len(score_groups().starts)), name="groups")
    hidden = keras.layers.Dropout(config.input_dropout)(embeddings)
    hidden = keras.layers.Dense(config.hidden, kernel_regularizer=decay, name="hidden")(hidden)
    hidden = keras.layers.BatchNormalization(momentum=0.95, name="batch_norm")(hidden)
    hidden = BranchDropout(config.branch_dropout)(keras.layers.ReLU()(hidden))
    units = MeanAndMaximum()(keras.layers.Concatenate()([hidden, groups]))
    units = keras.layers.Dropout(config.dropout)(units)
    logits = keras.layers.Dense(len(LABELS), kernel_regularizer=decay, name="logits")(units)
    return keras.Model([embeddings, groups], logits)


def learner_of(network: keras.Model) -> keras.Model:
    """The same weights, to compile and fit: an optimizer's state would be saved with `network`."""
    return keras.Model(network.inputs, network.outputs)


def as_head(network: keras.Model) -> Head:
    """The network as serving runs it, batch norm folded in; not calibrated."""
    kernel, bias = network.get_layer("hidden").get_weights()
    batch_norm = network.get_layer("batch_norm")
    gamma, beta, moving_mean, moving_variance = batch_norm.get_weights()
    gain = gamma / np.sqrt(moving_variance + batch_norm.epsilon)
    kernel_1, bias_1 = network.get_layer("logits").get_weights()
    kernel_mean, kernel_max = np.split(np.asarray(kernel_1, np.float32), 2)
    return Head(
        groups=score_groups(),
        kernel_0=np.asarray(kernel * gain, np.float32),
        bias_0=np.asarray((bias - moving_mean) * gain + beta, np.float32),
        kernel_mean=kernel_mean,
        kernel_max=kernel_max,
        bias_1=np.asarray(bias_1, np.float32),
        temperature=1.0,
        alert_thresholds=np.full(len(LABELS), 0.5, np.float32),
        length_slopes=np.zeros(len(LABELS), np.float32),
        pair_shares=PAIR_SHARES,
    )
