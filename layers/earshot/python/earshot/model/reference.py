"""How far a clip's sound is from what a version was trained with.

The distance is that of Mahalanobis (1936) between the mean of a clip's embeddings and those of
training, in the few directions in which those differ most: hundreds of further directions hardly
differ, and their inverse would be noise.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.errors import ModelError
from earshot.model.head import Floats, normalized
from earshot.yamnet.flatbuffer import N_EMBEDDING

N_DIRECTIONS = 64
MEAN, DIRECTIONS, WEIGHTS = "reference_mean", "reference_directions", "reference_yamnet"
_MAX_PATCHES, _LEAST_DEVIATION = 4096, 0.03
BUNDLED_NAME = "reference.npz"  # beside YAMNet, for versions whose head has none


@dataclass(frozen=True)
class Reference:
    """Embeddings of training, in short.

    Attributes:
        mean: ``(1024,)`` of the normalized embeddings of patches.
        directions: ``(1024, 64)`` of their largest variances, divided by the standard deviation
            along each.
    """

    mean: Floats
    directions: Floats

    def __post_init__(self) -> None:
        if self.mean.shape != (N_EMBEDDING,) or self.directions.shape != (
            N_EMBEDDING,
            N_DIRECTIONS,
        ):
            raise ModelError("the reference embeddings have another shape")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.directions).all()):
            raise ModelError("the reference embeddings are not finite numbers throughout")

    @classmethod
    def of(cls, embeddings: NDArray[Any]) -> Reference:
        """Reference of ``(n, 1024)`` embeddings of patches, of 4,096 of them if there are more."""
        some = embeddings[:: 1 + (len(embeddings) - 1) // _MAX_PATCHES]
        units = normalized(np.asarray(some, np.float32))
        mean = units.mean(axis=0)
        _, values, axes = np.linalg.svd(units - mean, full_matrices=False)
        deviations = values[:N_DIRECTIONS, None] / np.sqrt(max(1, len(units) - 1))
        # A direction with hardly any variance would make everything infinitely far.
        scaled = axes[:N_DIRECTIONS] / np.maximum(deviations, _LEAST_DEVIATION)
        directions = np.zeros((N_EMBEDDING, N_DIRECTIONS), np.float32)
        directions[:, : len(scaled)] = scaled.T  # fewer patches have fewer directions
        return cls(mean, directions)

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Reference | None:
        """Reference in the arrays of a ``head.npz``; None where there is none.

        Raises:
            ModelError: it does not have the shape of one, or holds no finite numbers.
        """
        if MEAN not in arrays or DIRECTIONS not in arrays:
            return None
        mean, directions = arrays[MEAN], arrays[DIRECTIONS]
        if mean.dtype.kind != "f" or directions.dtype.kind != "f":
            raise ModelError("the reference embeddings are not numbers")
        return cls(mean.astype(np.float32), directions.astype(np.float32))

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays for a ``head.npz``: 133 kB."""
        # Half precision: the distance of a clip is read to two digits.
        return {MEAN: self.mean.astype(np.float16), DIRECTIONS: self.directions.astype(np.float16)}

    def distance(self, mean: Floats) -> float:
        """Distance of a clip by the mean ``(1024,)`` of its normalized embeddings.

        It is the root mean square of the standard deviations along each direction, so a single
        patch of training is at 1 on average, and the mean of a clip nearer.
        """
        along = (mean - self.mean) @ self.directions
        return float(np.sqrt(np.mean(along * along)))


def bundled(folder: Path, weights_sha256: str) -> Reference | None:
    """Reference of the released version's training, for versions on the same YAMNet.

    Args:
        folder: of YAMNet.
        weights_sha256: of the YAMNet that a version runs on. Embeddings of another are not
            comparable.
    """
    path = folder / BUNDLED_NAME
    if not path.is_file():
        return None
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as archive:
        arrays = dict(archive)
    return Reference.from_arrays(arrays) if str(arrays[WEIGHTS]) == weights_sha256 else None
