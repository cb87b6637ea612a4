"""YAMNet rebuilt in Keras from its published weights.

Architecture and front-end constants: "YAMNet", tensorflow/models, research/audioset/yamnet
(Plakal & Ellis), itself MobileNet v1 (Howard et al. 2017, arXiv:1704.04861) on log-mel patches.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from earshot.audio import log_mel
from earshot.yamnet.flatbuffer import N_SCORES

Layer = dict[str, NDArray[np.float32]]  # tensors by name

# (stride, output channels) of the thirteen depthwise-separable blocks after the first convolution.
BLOCKS = (
    (1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), (1, 512),
    (1, 512), (1, 512), (1, 512), (1, 512), (2, 1024), (1, 1024),
)  # fmt: skip
FIRST_CONVOLUTION = "first_convolution"  # name of its output
BATCH_NORM_EPSILON = 1e-4
N_TENSORS = 110  # 27 kernels, 27 x 3 of batch norm, 2 of the dense layer
TENSOR_KEY = re.compile(r"_yamnet/layer_with_weights-(\d+)/(\w+)/\.ATTRIBUTES/VARIABLE_VALUE$")


def _of(kind: str, n: int) -> str:
    """Name of the n-th layer of a kind, as Keras gives it in a process that made no other network.

    It stands in the flatbuffer, which is to be the same whatever was made before.
    """
    return f"{kind}_{n}" if n else kind


def _normalize_and_rectify(x: keras.KerasTensor, n: int) -> keras.KerasTensor:
    x = keras.layers.BatchNormalization(
        scale=False, epsilon=BATCH_NORM_EPSILON, name=_of("batch_normalization", n)
    )(x)
    return keras.layers.ReLU(name=_of("re_lu", n - 1) if n else FIRST_CONVOLUTION)(x)


def build_network() -> keras.Model:
    """Network with random weights: log-mel patches to embeddings and scores.

    Returns a model that maps ``(n, 96, 64)`` float32 log-mel patches to a pair of embeddings
    ``(n, 1024)`` and AudioSet scores ``(n, 521)`` in 0..1.
    """
    layers = keras.layers
    same: dict[str, Any] = {"padding": "same", "use_bias": False}
    patches = keras.Input((log_mel.PATCH_FRAMES, log_mel.MEL_BANDS), name="patches")
    x = layers.Reshape((log_mel.PATCH_FRAMES, log_mel.MEL_BANDS, 1), name="reshape")(patches)
    x = layers.Conv2D(32, 3, strides=2, name="conv2d", **same)(x)
    x = _normalize_and_rectify(x, 0)
    for n, (stride, channels) in enumerate(BLOCKS):
        depthwise = _of("depthwise_conv2d", n)
        x = layers.DepthwiseConv2D(3, strides=stride, name=depthwise, **same)(x)
        x = _normalize_and_rectify(x, 2 * n + 1)
        x = layers.Conv2D(channels, 1, name=_of("conv2d", n + 1), **same)(x)
        x = _normalize_and_rectify(x, 2 * n + 2)
    embeddings = layers.GlobalAveragePooling2D(name="embeddings")(x)
    scores = layers.Dense(N_SCORES, activation="sigmoid", name="scores")(embeddings)
    return keras.Model(patches, [embeddings, scores], name="yamnet")


def read_weights(saved_model: Path) -> list[Layer]:
    """Weights of a YAMNet SavedModel, one ``{name: array}`` per layer that has any, in order.

    YAMNet is read from under ``_yamnet``, in the TF Hub SavedModel as in models that wrap it.

    Raises:
        ValueError: the SavedModel does not hold YAMNet's 110 tensors.
    """
    reader = tf.train.load_checkpoint(str(saved_model / "variables" / "variables"))
    layers: dict[int, Layer] = {}
    for key in reader.get_variable_to_shape_map():
        if match := TENSOR_KEY.search(key):
            # Keras 3 calls "kernel" what TF 2 checkpoints call "depthwise_kernel".
            name = match[2].removeprefix("depthwise_")
            layers.setdefault(int(match[1]), {})[name] = reader.get_tensor(key)
    n_tensors = sum(len(layer) for layer in layers.values())
    if n_tensors != N_TENSORS:
        raise ValueError(
            f"{saved_model} is not a YAMNet SavedModel: "
            f"it holds {n_tensors} of its tensors, not {N_TENSORS}"
        )
    return [layers[index] for index in sorted(layers)]


def load_network(layers: Sequence[Layer]) -> keras.Model:
    """YAMNet with the weights of `layers`, such as the published ones (see `read_weights`)."""
    network = build_network()
    weighted = [layer for layer in network.layers if layer.weights]
    for layer, tensors in zip(weighted, layers, strict=True):
        layer.set_weights([tensors[weight.name] for weight in layer.weights])
    return network


def reference_log_mel(waveform: tf.Tensor) -> tf.Tensor:
    """Log-mel spectrogram by `tf.signal`: the reference that the numpy front end is tested on.

    In double precision, because in single precision `tf.signal` is itself up to 3e-3 away from
    the true values between the harmonics of a pure tone, where only rounding noise is left.

    Args:
        waveform: ``(samples,)`` at 16 kHz in -1..1.

    Returns:
        ``(frames, 64)`` float64.
    """
    stft = tf.signal.stft(
        tf.cast(waveform, tf.float64),
        log_mel.WINDOW_SAMPLES,
        log_mel.HOP_SAMPLES,
        fft_length=log_mel.FFT_LENGTH,
    )
    mel_weights = tf.signal.linear_to_mel_weight_matrix(
        num_mel_bins=log_mel.MEL_BANDS,
        num_spectrogram_bins=log_mel.FFT_LENGTH // 2 + 1,
        sample_rate=log_mel.SAMPLE_RATE,
        lower_edge_hertz=log_mel.MEL_MIN_HZ,
        upper_edge_hertz=log_mel.MEL_MAX_HZ,
        dtype=tf.float64,
    )
    return tf.math.log(tf.matmul(tf.abs(stft), mel_weights) + log_mel.LOG_OFFSET)


def reference_patches(waveform: tf.Tensor) -> tf.Tensor:
    """Log-mel patches ``(n, 96, 64)`` float32 of `reference_log_mel`, one each 0.48 s."""
    frames = tf.cast(reference_log_mel(waveform), tf.float32)
    return tf.signal.frame(frames, log_mel.PATCH_FRAMES, log_mel.PATCH_HOP_FRAMES, axis=0)
