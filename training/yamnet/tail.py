"""YAMNet cut in two before its last five blocks: a frozen trunk and a trained tail.

The activations between trunk and tail are called taps. The tail is in Keras with batch
normalization folded in, and its pointwise convolutions multiply in bfloat16, which processors
with such instructions do several times as fast.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import keras
import numpy as np
from numpy.typing import NDArray

from training.adaptation.taps import TAP_SHAPE
from training.yamnet.network import BATCH_NORM_EPSILON, BLOCKS, Layer

Floats = NDArray[np.float32]

FIRST_BLOCK = 8  # of BLOCKS, counted from 0
_LAYERS_BEFORE_BLOCKS, _LAYERS_OF_BLOCK = 2, 4  # each convolution and its batch norm


def tapped(network: keras.Model) -> keras.Model:
    """The network with a third output beside embeddings and scores: the taps."""
    rectified = [layer for layer in network.layers if isinstance(layer, keras.layers.ReLU)]
    return keras.Model(network.input, [*network.outputs, rectified[2 * FIRST_BLOCK].output])


def build_tail(layers: Sequence[Layer]) -> keras.Sequential:
    """Taps ``(n, 6, 4, 512)`` to embeddings ``(n, 1024)``, initialized with YAMNet's weights.

    Args:
        layers: of YAMNet, as `training.yamnet.network.read_weights` gives them.
    """
    tail = keras.Sequential([keras.Input(TAP_SHAPE)])
    for block, (stride, channels) in list(enumerate(BLOCKS))[FIRST_BLOCK:]:
        tail.add(
            keras.layers.DepthwiseConv2D(
                3, strides=stride, padding="same", activation="relu", name=f"depthwise_{block}"
            )
        )
        tail.add(
            keras.layers.Dense(
                channels, activation="relu", dtype="mixed_bfloat16", name=f"pointwise_{block}"
            )
        )
    tail.add(keras.layers.GlobalAveragePooling2D(dtype="float32", name="embeddings"))
    for index, name in _indices():
        kernel = layers[index]["kernel"]
        gain, bias = _gain_and_bias(layers[index + 1])
        folded = kernel * gain[:, None] if name.startswith("depthwise") else kernel[0, 0] * gain
        tail.get_layer(name).set_weights([folded, bias])
    return tail


def with_tail(layers: Sequence[Layer], weights: dict[str, Floats]) -> list[Layer]:
    """YAMNet's layers with the tail's weights, as `weights_of` gives them, in place of its own.

    Batch norm keeps its variance; kernels and offsets are scaled so that it undoes the folding.
    """
    changed = [dict(layer) for layer in layers]
    for index, name in _indices():
        gain, _ = _gain_and_bias(layers[index + 1])
        kernel, bias = weights[f"{name}_kernel"], weights[f"{name}_bias"]
        if name.startswith("depthwise"):
            changed[index]["kernel"] = (kernel / gain[:, None]).astype(np.float32)
        else:
            changed[index]["kernel"] = (kernel / gain)[None, None].astype(np.float32)
        mean = layers[index + 1]["moving_mean"]
        changed[index + 1]["beta"] = (bias + mean * gain).astype(np.float32)
    return changed


def weights_of(tail: keras.Sequential) -> dict[str, Floats]:
    """Kernels and biases of a tail by name, such as ``pointwise_8_kernel``."""
    weights: dict[str, Floats] = {}
    for _, name in _indices():
        kernel, bias = tail.get_layer(name).get_weights()
        weights |= {f"{name}_kernel": kernel, f"{name}_bias": bias}
    return weights


def _indices() -> Iterator[tuple[int, str]]:
    """Index in YAMNet's layers and name of each convolution of the tail."""
    for block in range(FIRST_BLOCK, len(BLOCKS)):
        index = _LAYERS_BEFORE_BLOCKS + _LAYERS_OF_BLOCK * block
        yield index, f"depthwise_{block}"
        yield index + 2, f"pointwise_{block}"


def _gain_and_bias(batch_norm: Layer) -> tuple[Floats, Floats]:
    gain = 1 / np.sqrt(batch_norm["moving_variance"] + np.float32(BATCH_NORM_EPSILON))
    return gain, batch_norm["beta"] - batch_norm["moving_mean"] * gain
