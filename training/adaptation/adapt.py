"""Train YAMNet's tail together with the head: our labels, and everyday sound that is none of them.

The published weights are where it starts. Meanwhile the AudioSet scores are held to those of the
published network (Li & Hoiem 2016, "Learning without forgetting", arXiv:1606.09282): the top five
AudioSet classes in each result live on them.

Each clip is mixed with another, taps and labels alike (Zhang et al. 2018, "mixup",
arXiv:1710.09412; within a network: Verma et al. 2019, "Manifold mixup", arXiv:1806.05236), so that
a few hundred recordings are not learned by heart. Half of the casual clips of each batch are drawn
by how wrong the network last was about them (hard negative mining).

Three losses: of clips, from a few of their patches together; of single patches whose label is
known, such as those of a casual recording or of an event mixed into one; and of the best patch of
all other clips (multiple-instance learning).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import keras
import numpy as np
import scipy
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from earshot.model.head import (
    EMBEDDING_NORM,
    HIGHEST_LOG_ODDS,
    NORM_FLOOR,
    scaled_log_odds,
)
from earshot.yamnet.flatbuffer import N_EMBEDDING
from training.adaptation.sampling import AdaptationConfig, Sampler
from training.adaptation.taps import TAP_SHAPE, Taps
from training.data.feature_set import FeatureSet
from training.head.group_regression import add_group_regression
from training.head.network import build_network
from training.head.score_groups import GROUPS
from training.yamnet.network import Layer
from training.yamnet.tail import build_tail

_BATCH_PATCHES = 1024
_WARM_UP = 0.08  # share of the steps over which the learning rates rise
# What is kept is a moving average of the weights over about so much of the steps (Izmailov et al.
# 2018, "Averaging weights leads to wider optima and better generalization", arXiv:1803.05407).
_AVERAGED = 2 / 15


class Adapted(NamedTuple):
    """YAMNet's tail, and the head's network that was trained with it."""

    tail: keras.Sequential
    network: keras.Model


def mix(of_clips: Any, shares: Any) -> Any:
    """Mix each clip of a batch with the one before it; the first with the last.

    Args:
        of_clips: ``(clips, ...)``, arrays or tensors.
        shares: ``(clips,)`` how much of the mixture is the clip's own.
    """
    shares = keras.ops.reshape(shares, (-1, *[1] * (len(of_clips.shape) - 1)))
    return shares * of_clips + (1 - shares) * keras.ops.roll(of_clips, 1, axis=0)


def normalized_tensor(embeddings: Any) -> Any:
    """Embeddings brought to one length, as `earshot.model.head.normalized` does it."""
    length = keras.ops.sqrt(keras.ops.sum(embeddings**2, axis=-1, keepdims=True))
    return embeddings * (EMBEDDING_NORM / (length + NORM_FLOOR))


def adapt(
    clips: FeatureSet,
    taps: Taps,
    layers: Sequence[Layer],
    config: AdaptationConfig,
    seed: int,
) -> Adapted:
    """Tail and head, trained on clips.

    Args:
        clips: with the scores that are to be kept, and what is known of their patches.
        taps: of their patches.
        layers: of the published YAMNet.
        config: of the adaptation.
        seed: of all chance.
    """
    keras.utils.set_random_seed(seed)
    tail, network = build_tail(layers), build_network(config.head)
    of_tail, of_head = (
        _optimizer(rate, config.steps) for rate in (config.learning_rate, config.head.learning_rate)
    )
    step = _training_step(tail, network, layers[-1], config, of_tail, of_head)
    sampler = Sampler(clips, taps, config, seed)
    with ThreadPoolExecutor(1) as ahead:
        batch = sampler.draw()
        for _ in tqdm(range(config.steps), desc="adapting YAMNet", unit="batch"):
            coming = ahead.submit(sampler.draw)
            losses = step(*batch[1:]).numpy()
            # Only between two draws, so that what is drawn does not depend on the processor.
            following = coming.result()
            sampler.note(batch, losses)
            batch = following
    of_tail.finalize_variable_values(tail.trainable_variables)
    of_head.finalize_variable_values(network.trainable_variables)
    add_group_regression(network, clips, config.casual_share, config.group_regression)
    return Adapted(tail, network)


def _optimizer(rate: float, steps: int) -> keras.optimizers.Optimizer:
    """Adam whose learning rate rises to `rate`, then falls along half a cosine."""
    warm_up = int(_WARM_UP * steps)
    schedule = keras.optimizers.schedules.CosineDecay(
        rate * 0.05, max(1, steps - warm_up), warmup_target=rate, warmup_steps=warm_up
    )
    return keras.optimizers.Adam(
        schedule, use_ema=True, ema_momentum=max(0.0, 1 - 1 / (_AVERAGED * steps))
    )


def _training_step(
    tail: keras.Sequential,
    network: keras.Model,
    dense: Layer,
    config: AdaptationConfig,
    of_tail: keras.optimizers.Optimizer,
    of_head: keras.optimizers.Optimizer,
) -> Any:
    """Function that learns from a batch and gives the loss of each of its clips."""
    hidden, batch_norm = network.get_layer("hidden"), network.get_layer("batch_norm")
    last = network.get_layer("logits")
    kernel, bias = tf.constant(dense["kernel"]), tf.constant(dense["bias"])

    def patch_logits(embeddings: Any, of_groups: Any) -> Any:
        """Of each patch alone, as serving has them: no dropout, and batch norm as it stands."""
        units = tf.nn.relu(batch_norm(hidden(embeddings), training=False))
        of_mean, of_maximum = tf.split(last.kernel, 2)
        return tf.concat([units, of_groups], axis=-1) @ (of_mean + of_maximum) + last.bias

    @tf.function(reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(
        taps: Any, labels: Any, scores: Any, patch_labels: Any, known: Any, shares: Any
    ) -> Any:
        mixed = mix(tf.cast(taps, tf.float32), shares)
        n_patches = tf.shape(taps)[1]
        labels, patch_labels = mix(labels, shares), mix(patch_labels, shares)
        scores = mix(tf.cast(scores, tf.float32), shares)
        known = known * tf.where(shares[:, None] > 0.98, 1.0, tf.roll(known, 1, axis=0))
        with tf.GradientTape() as tape:
            embeddings = tail(tf.reshape(mixed, (-1, *TAP_SHAPE)), training=True)
            by_clip = tf.reshape(embeddings, (-1, n_patches, N_EMBEDDING))
            inputs = normalized_tensor(by_clip)
            score_logits = by_clip @ kernel + bias
            of_groups = group_units(score_logits)
            of_clips = tf.nn.softmax_cross_entropy_with_logits(
                labels, network([inputs, of_groups], training=True)
            )
            logits = patch_logits(inputs, of_groups)
            of_patches = tf.nn.softmax_cross_entropy_with_logits(patch_labels, logits)
            of_scores = tf.nn.sigmoid_cross_entropy_with_logits(scores, score_logits)
            loss = (
                tf.reduce_mean(of_clips)
                + config.patch_weight * _mean_where(known, of_patches)
                + config.best_weight * _loss_of_best_patch(labels, logits, known)
                + config.score_weight * tf.reduce_mean(tf.reduce_sum(of_scores, axis=-1))
                + tf.add_n(network.losses)
            )
        variables = tail.trainable_variables + network.trainable_variables
        gradients = tape.gradient(loss, variables)
        n_tail = len(tail.trainable_variables)
        of_tail.apply_gradients(zip(gradients[:n_tail], tail.trainable_variables, strict=True))
        of_head.apply_gradients(zip(gradients[n_tail:], network.trainable_variables, strict=True))
        return of_clips

    return step


def group_units(score_logits: Any) -> Any:
    """Units ``(..., groups)`` of AudioSet score logits; see `earshot.model.head.ScoreGroups`."""
    highest = [
        tf.reduce_max(tf.gather(score_logits, group, axis=-1), axis=-1) for group in GROUPS.values()
    ]
    limit = HIGHEST_LOG_ODDS
    return scaled_log_odds(tf.clip_by_value(tf.stack(highest, axis=-1), -limit, limit))


def _loss_of_best_patch(labels: Any, logits: Any, known: Any) -> Any:
    """Cross-entropy of the patch that is most like the clip's label, of clips with none known."""
    main = labels >= tf.reduce_max(labels, axis=-1, keepdims=True) - 1e-6
    own = tf.reduce_max(tf.where(main[:, None], logits, -1e9), axis=-1)
    best = tf.argmax(own - tf.reduce_logsumexp(logits, axis=-1), axis=1)
    of_best = tf.nn.softmax_cross_entropy_with_logits(labels, tf.gather(logits, best, batch_dims=1))
    return _mean_where(1 - tf.reduce_max(known, axis=1), of_best)


def _mean_where(weights: Any, losses: Any) -> Any:
    return tf.reduce_sum(weights * losses) / (tf.reduce_sum(weights) + 1)


def embed_taps(
    taps: Taps, tail: keras.Sequential, dense: Layer
) -> tuple[NDArray[np.float16], NDArray[np.float16]]:
    """Embeddings ``(patches, 1024)`` and AudioSet scores ``(patches, 521)`` of an adapted tail.

    Args:
        taps: of the patches.
        tail: adapted.
        dense: YAMNet's last layer, from embeddings to scores.
    """
    embeddings, scores = [], []
    for begin in range(0, len(taps), _BATCH_PATCHES):
        of_batch = tail.predict_on_batch(taps[begin : begin + _BATCH_PATCHES])
        embeddings.append(of_batch.astype(np.float16))
        of_scores = scipy.special.expit(of_batch @ dense["kernel"] + dense["bias"])
        scores.append(of_scores.astype(np.float16))
    return np.concatenate(embeddings), np.concatenate(scores)
