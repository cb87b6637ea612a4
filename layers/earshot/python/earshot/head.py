"""The trained head: YAMNet embeddings of patches to logits of our four labels."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from earshot.errors import ModelError
from earshot.labels import LABELS
from earshot.yamnet import N_EMBEDDING

Floats = NDArray[np.float32]


class Head:
    """Dense layers with ReLU between them, as plain arrays.

    Args:
        arrays: ``kernel_0, bias_0, kernel_1, …`` float32; the first kernel has 1024 rows, the
            last four columns. Batch normalisation is folded into them.

    Raises:
        ModelError: the arrays do not chain from 1024 inputs to four logits.
    """

    def __init__(self, arrays: Mapping[str, NDArray[np.float32]]) -> None:
        n_layers = len(arrays) // 2
        try:
            self._layers = [(arrays[f"kernel_{i}"], arrays[f"bias_{i}"]) for i in range(n_layers)]
        except KeyError as error:
            raise ModelError(f"the head lacks the array {error}") from error
        widths = [N_EMBEDDING]
        for kernel, bias in self._layers:
            if kernel.shape != (widths[-1], len(bias)) or kernel.dtype != np.float32:
                raise ModelError(f"a head layer of shape {kernel.shape} does not fit the others")
            widths.append(len(bias))
        if widths[-1] != len(LABELS):
            raise ModelError(f"the head gives {widths[-1]} logits, not {len(LABELS)}")

    def patch_logits(self, embeddings: Floats) -> Floats:
        """Logits ``(n, 4)`` of ``(n, 1024)`` embeddings."""
        x = embeddings
        for kernel, bias in self._layers[:-1]:
            x = np.maximum(x @ kernel + bias, np.float32(0))
        kernel, bias = self._layers[-1]
        logits: Floats = x @ kernel + bias
        return logits


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities
