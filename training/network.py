"""The head as a Keras network, and its arrays for serving."""

from __future__ import annotations

import keras
import numpy as np

from earshot.labels import LABELS
from earshot.yamnet import N_EMBEDDING


def build_head(hidden: tuple[int, ...] = (256, 64), dropout: float = 0.5) -> keras.Model:
    """Dense layers with batch norm and dropout: embeddings ``(n, 1024)`` to logits ``(n, 4)``."""
    layers: list[keras.Layer] = [keras.Input((N_EMBEDDING,)), keras.layers.Dropout(dropout)]
    for width in hidden:
        layers += [
            keras.layers.Dense(width, use_bias=False),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.Dropout(dropout),
        ]
    return keras.Sequential([*layers, keras.layers.Dense(len(LABELS))], name="head")


def head_arrays(network: keras.Model) -> dict[str, np.ndarray]:
    """Arrays of `earshot.head.Head`: kernels and biases with batch norm folded in."""
    arrays: dict[str, np.ndarray] = {}
    kernel = bias = None
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dense):
            kernel = layer.kernel.numpy()
            bias = layer.bias.numpy() if layer.use_bias else np.zeros(layer.units, np.float32)
        elif isinstance(layer, keras.layers.BatchNormalization):
            scale = layer.gamma.numpy() / np.sqrt(layer.moving_variance.numpy() + layer.epsilon)
            kernel = kernel * scale
            bias = (bias - layer.moving_mean.numpy()) * scale + layer.beta.numpy()
        else:
            continue
        index = (
            sum(
                isinstance(seen, keras.layers.Dense)
                for seen in network.layers[: network.layers.index(layer) + 1]
            )
            - 1
        )
        arrays[f"kernel_{index}"], arrays[f"bias_{index}"] = kernel, bias
    return arrays
