"""Train YAMNet's tail together with the embedding expert: our labels are to be told in noise too.

The published weights are where it starts. Meanwhile the AudioSet scores are held to those of the
published network (Li & Hoiem 2016, "Learning without forgetting", arXiv:1606.09282): the score
expert and the five labels in each result live on them. Those of a disturbed variant are held to
what the published network says of the clip before, so that they come to be as good in noise.

Each clip is mixed with another, taps and labels alike (Zhang et al. 2018, "mixup",
arXiv:1710.09412; within a network: Verma et al. 2019, "Manifold mixup", arXiv:1806.05236), lest a
few hundred recordings be learnt by heart.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import keras
import numpy as np
import scipy
from numpy.typing import NDArray
from tqdm import tqdm

from earshot.labels import LABELS
from earshot.model.head import EMBEDDING_NORM, NORM_FLOOR, normalised
from earshot.yamnet.flatbuffer import N_EMBEDDING, N_SCORES
from training.adaptation.taps import TAP_SHAPE, Taps
from training.data.feature_set import FeatureSet, Floats
from training.head.experts import ClipBatches, ExpertConfig, fit_expert
from training.head.fitting import HeadConfig
from training.yamnet.network import Layer
from training.yamnet.tail import build_tail

_BATCH_PATCHES = 1024


@dataclass(frozen=True)
class AdaptationConfig:
    """Hyper-parameters of the adaptation.

    Attributes:
        epochs: over all clips; the learning rate falls to 0 along half a cosine.
        learning_rate: at the start, of Adam, for tail and expert alike.
        patches_per_clip: drawn of each clip each time, spread over its length.
        score_weight: in the loss, of the AudioSet scores' cross-entropy with the published ones.
        mixup: both parameters of the beta distribution that shares are drawn from; a clip keeps
            the greater part of its mixture.
        batch_clips: clips of a batch.
    """

    epochs: int = 8
    learning_rate: float = 1e-4
    patches_per_clip: int = 4
    score_weight: float = 0.1
    mixup: float = 0.3
    batch_clips: int = 128


class TapBatches(ClipBatches):
    """Taps of random clips, how much of itself each keeps, and what is to be said of the mixture.

    That is, the share of each label for each expert, and the AudioSet scores.
    """

    def __init__(
        self,
        taps: Taps,
        clips: FeatureSet,
        config: ExpertConfig,
        seed: int,
        *,
        experts: int,
        mixup: float,
    ) -> None:
        super().__init__(taps, clips, config, seed)
        self._experts, self._mixup = experts, mixup

    def __getitem__(self, index: int) -> tuple[Any, Any, Any]:
        chosen, rows = self.draw(index)
        shares = self._rng.beta(self._mixup, self._mixup, len(chosen)).astype(np.float32)
        shares = np.maximum(shares, 1 - shares)

        def mixed(of_clips: Floats) -> Floats:
            array: Floats = keras.ops.convert_to_numpy(mix(of_clips, shares))
            return array

        label_of = np.eye(len(LABELS), dtype=np.float32)[self._clips.labels[chosen]]
        weights = self._weights[chosen]
        labels = mixed(label_of * weights[:, None]) / mixed(weights)[:, None]
        scores = mixed(self._clips.scores[rows])
        return (
            (self._inputs[rows], shares),
            (*[labels] * self._experts, scores),
            (*[mixed(weights)] * self._experts, np.ones_like(weights)),
        )


def mix(of_clips: Any, shares: Any) -> Any:
    """Mix each clip of a batch with the one before it; the first with the last.

    Args:
        of_clips: ``(clips, ...)``, arrays or tensors.
        shares: ``(clips,)`` how much of the mixture is the clip's own.
    """
    shares = keras.ops.reshape(shares, (-1, *[1] * (len(of_clips.shape) - 1)))
    return shares * of_clips + (1 - shares) * keras.ops.roll(of_clips, 1, axis=0)


class Mixed(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Taps of clips that were mixed in twos."""

    def call(self, taps: Any, shares: Any) -> Any:
        """Mix in float32: in halves, a processor is slow at it."""
        return mix(keras.ops.cast(taps, "float32"), shares)


class Normalised(keras.layers.Layer):  # type: ignore[misc]  # Keras is untyped
    """Embeddings brought to one length, as `earshot.model.head.normalised` does it."""

    def call(self, embeddings: Any) -> Any:
        """Scale the last axis."""
        length = keras.ops.sqrt(keras.ops.sum(embeddings**2, axis=-1, keepdims=True))
        return embeddings * (EMBEDDING_NORM / (length + NORM_FLOOR))


class Adapted(NamedTuple):
    """YAMNet's tail, and the networks of the embedding expert that were trained with it."""

    tail: keras.Sequential
    experts: list[keras.Model]


def adapt(
    clips: FeatureSet,
    taps: Taps,
    layers: Sequence[Layer],
    head: HeadConfig,
    config: AdaptationConfig,
) -> Adapted:
    """Tail and embedding expert, trained on clips.

    The expert is fitted by itself first, on the published embeddings, then together with the tail.

    Args:
        clips: with the embeddings and scores of the published YAMNet.
        taps: of their patches.
        layers: of the published YAMNet.
        head: what the expert is like, and how many networks it has.
        config: of the adaptation.
    """
    embeddings = normalised(clips.embeddings)
    experts = [
        fit_expert(embeddings, clips, head.embedding, head.seed + n) for n in range(head.members)
    ]
    tail = build_tail(layers)
    together = replace(
        head.embedding, patches_per_clip=config.patches_per_clip, batch_clips=config.batch_clips
    )
    batches = TapBatches(taps, clips, together, head.seed, experts=head.members, mixup=config.mixup)
    network = _joined(tail, experts, layers, config.patches_per_clip)
    network.compile(
        optimizer=keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(
                config.learning_rate, config.epochs * len(batches)
            )
        ),
        loss=[keras.losses.CategoricalCrossentropy(from_logits=True)] * len(experts)
        + [_score_loss],
        loss_weights=[1 / len(experts)] * len(experts) + [config.score_weight],
    )
    with tqdm(total=config.epochs * len(batches), desc="adapting YAMNet", unit="batch") as bar:
        progress = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda batch, logs: bar.update()
        )
        network.fit(batches, epochs=config.epochs, verbose=0, callbacks=[progress])
    return Adapted(tail, experts)


def hear_again(clips: FeatureSet, taps: Taps, tail: keras.Sequential, dense: Layer) -> FeatureSet:
    """The clips with the embeddings and scores of an adapted tail.

    Args:
        clips: with those of the published one.
        taps: of their patches.
        tail: adapted.
        dense: YAMNet's last layer, from embeddings to scores.
    """
    embeddings: NDArray[np.float32] = np.concatenate(
        [
            tail.predict_on_batch(taps[begin : begin + _BATCH_PATCHES])
            for begin in range(0, len(taps), _BATCH_PATCHES)
        ]
    )
    scores = scipy.special.expit(embeddings @ dense["kernel"] + dense["bias"])
    return replace(clips, embeddings=embeddings, scores=scores)


def _joined(
    tail: keras.Sequential,
    experts: Sequence[keras.Model],
    layers: Sequence[Layer],
    n_patches: int,
) -> keras.Model:
    """Each expert's clip logits, and score logits, of mixed clips.

    From their taps, ``(clips, patches, 6, 4, 512)``, and their shares, ``(clips,)``.
    """
    taps = keras.Input((n_patches, *TAP_SHAPE), dtype="float16")
    shares = keras.Input(())
    mixed = Mixed()(taps, shares)
    embeddings = tail(keras.ops.reshape(mixed, (-1, *TAP_SHAPE)))
    embeddings = keras.ops.reshape(embeddings, (-1, n_patches, N_EMBEDDING))
    dense = keras.layers.Dense(N_SCORES, trainable=False)
    scores = dense(embeddings)
    dense.set_weights([layers[-1]["kernel"], layers[-1]["bias"]])
    inputs = Normalised()(embeddings)
    return keras.Model([taps, shares], [*(expert(inputs) for expert in experts), scores])


def _score_loss(scores: Any, logits: Any) -> Any:
    """Cross-entropy of scores, ``(clips,)``: summed over the classes, the mean of the patches."""
    of_each = keras.ops.binary_crossentropy(scores, logits, from_logits=True)
    return keras.ops.mean(keras.ops.sum(of_each, axis=-1), axis=-1)
