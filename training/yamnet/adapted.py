"""The file of YAMNet's adapted tail, which is committed with the code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
from numpy.typing import NDArray

from training.yamnet.network import Layer
from training.yamnet.tail import weights_of, with_tail

Floats = NDArray[np.float32]

_HIGHEST = 127


def write_adaptation(path: Path, tail: keras.Sequential) -> None:
    """Write a tail's weights; those that are served in 8 bits are written in 8 bits.

    Nothing more is lost: as in the flatbuffer, each output channel of a pointwise convolution has
    a scale, from 0 to its highest weight. All else is in float16.
    """
    arrays: dict[str, NDArray[np.generic]] = {}
    for name, weights in weights_of(tail).items():
        if _is_pointwise_kernel(name):
            scale = (np.abs(weights).max(axis=0) / _HIGHEST).astype(np.float32)
            arrays[name] = np.round(weights / scale).astype(np.int8)
            arrays[f"{name}_scale"] = scale
        else:
            arrays[name] = weights.astype(np.float16)
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]  # its stub takes them for options


def adapted(layers: Sequence[Layer], path: Path) -> list[Layer]:
    """YAMNet's layers with the tail of a file that `write_adaptation` wrote."""
    with np.load(path) as arrays:
        weights: dict[str, Floats] = {
            name: arrays[name] * arrays[f"{name}_scale"]
            if _is_pointwise_kernel(name)
            else arrays[name].astype(np.float32)
            for name in arrays
            if not name.endswith("_scale")
        }
    return with_tail(layers, weights)


def _is_pointwise_kernel(name: str) -> bool:
    return name.startswith("pointwise") and name.endswith("kernel")
