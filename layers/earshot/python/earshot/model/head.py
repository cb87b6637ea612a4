"""The head: what YAMNet gives of a patch to logits of our labels, as plain float32 arrays.

One network scores each patch alone, and stretches of patches together. Its units are a hidden
layer on the patch's embedding, which knows our labels best, and beside it the log-odds of groups of
YAMNet's own AudioSet classes, which carry over to other microphones. Of a stretch, the last layer
takes the mean and the maximum of each unit. All logits are relative to casual, whose own is 0, so
that two labels may be likely at the same time.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.errors import ModelError
from earshot.labels import LABELS
from earshot.yamnet.flatbuffer import N_EMBEDDING, N_SCORES

# Embeddings are scaled to this length, which leaves their values at about 1.
EMBEDDING_NORM = np.float32(32)
NORM_FLOOR = np.float32(1e-3)  # an embedding of silence is all but zero, and stays so
# A stretch is two blocks: 16 patches, 8.2 s. Stretches overlap by half. A maximum grows with what
# it is taken of: over an hour, some patch would drive each hidden unit up.
BLOCK_PATCHES = 8
# Log-odds of a group are held within this, and scaled to be about as large as hidden units are. A
# float32 score may be 0 or 1: its log-odds may not.
HIGHEST_LOG_ODDS, _LOG_ODDS_SCALE = 10.0, 4.0
_SCORE_MIN = 1 / (1 + np.exp(HIGHEST_LOG_ODDS))

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Logits(NamedTuple):
    """Scores of consecutive patches of a clip.

    Attributes:
        patches: ``(n, 4)`` of each patch alone.
        stretches: ``(n, 4)`` of the stretches that a patch is in, the highest of each label.
    """

    patches: Floats
    stretches: Floats


class Blocks(NamedTuple):
    """Consecutive patches on their way into `Logits`: all that is kept of them.

    Attributes:
        patches: ``(n, 4)`` logits of each patch alone.
        sizes: ``(blocks,)`` patches of each block of `BLOCK_PATCHES`; the last may have fewer.
        means, maxima: ``(blocks, units)`` of each unit over a block's patches.
    """

    patches: Floats
    sizes: NDArray[np.int64]
    means: Floats
    maxima: Floats


@dataclass(frozen=True)
class ScoreGroups:
    """Groups of AudioSet classes that mean the same to us, such as all kinds of siren.

    Attributes:
        classes: indices of the classes, one group after the other.
        starts: ``(groups,)`` where in `classes` each group begins.
    """

    classes: Ints
    starts: Ints

    def __post_init__(self) -> None:
        for indices in (self.classes, self.starts):
            if indices.ndim != 1 or not indices.size or indices.dtype.kind not in "iu":
                raise ModelError("the groups are no lists of whole numbers")
        if self.classes.min() < 0 or self.classes.max() >= N_SCORES:
            raise ModelError("a group names a class that YAMNet does not have")
        ends = [*self.starts.tolist(), len(self.classes)]
        if ends[0] != 0 or any(end <= start for start, end in itertools.pairwise(ends)):
            raise ModelError("the groups do not begin one after the other")

    def units(self, scores: Floats) -> Floats:
        """Scaled log-odds of each group's highest score, ``(n, groups)``, of ``(n, 521)``."""
        highest = np.maximum.reduceat(scores[:, self.classes], self.starts, axis=1)
        highest = np.clip(highest.astype(np.float32), _SCORE_MIN, 1 - _SCORE_MIN)
        units: Floats = scaled_log_odds(np.log(highest / (1 - highest)))
        return units


def scaled_log_odds(log_odds: Any) -> Any:
    """Log-odds between -10 and 10 as units of the network: -1.5 to 3.5."""
    return log_odds / np.float32(_LOG_ODDS_SCALE) + np.float32(1)


@dataclass(frozen=True)
class Head:
    """Two dense layers with ReLU between, and what was calibrated with them.

    Normalization and batch norm are folded into the first layer, the bias of the calibration into
    the second.

    Attributes:
        groups: of AudioSet classes.
        kernel_0, bias_0: ``(1024, hidden)``, ``(hidden,)``.
        kernel_mean, kernel_max, bias_1: ``(units, 4)``, ``(units, 4)``, ``(4,)``; first the hidden
            units, then one for each group.
        temperature: by which logits are divided for calibrated probabilities (Guo et al. 2017,
            arXiv:1706.04599).
        alert_thresholds: ``(4,)`` confidence below which a result with this label is uncertain.
            Of a threat it is chosen by false alarms per hour of casual sound.
        length_slopes: ``(4,)`` logits that a label loses for each e-fold of a clip's length over
            10 s: a longer clip has more chances of a false alarm.
        pair_shares: ``(4,)`` weight, 0..1, of two neighboring patches in a patch's event score; its
            stretch has the rest. A shot is short, a siren goes on.
    """

    groups: ScoreGroups
    kernel_0: Floats
    bias_0: Floats
    kernel_mean: Floats
    kernel_max: Floats
    bias_1: Floats
    temperature: float
    alert_thresholds: Floats
    length_slopes: Floats
    pair_shares: Floats

    def __post_init__(self) -> None:
        hidden, n_labels = len(self.bias_0), len(LABELS)
        units = hidden + len(self.groups.starts)
        if len(self.kernel_0) != N_EMBEDDING:
            raise ModelError(f"the head takes {len(self.kernel_0)} inputs, not {N_EMBEDDING}")
        shapes = (
            self.kernel_0.shape[1:],
            self.kernel_mean.shape,
            self.kernel_max.shape,
            self.bias_1.shape,
            self.alert_thresholds.shape,
            self.length_slopes.shape,
            self.pair_shares.shape,
        )
        layers = ((hidden,), (units, n_labels), (units, n_labels))
        if shapes != (*layers, *[(n_labels,)] * 4):
            raise ModelError(f"the layers of the head do not fit each other: {shapes}")
        for name in self._arrays():
            if not np.isfinite(getattr(self, name)).all():
                raise ModelError(f"the head's {name} is not a finite number throughout")
        if self.temperature <= 0:
            raise ModelError(f"the head's temperature is {self.temperature}, not above 0")
        if self.alert_thresholds.min() < 0 or self.alert_thresholds.max() > 1:
            raise ModelError("the head's alert thresholds are not all between 0 and 1")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Head:
        """Head of the arrays of ``head.npz``; `to_arrays` gives them.

        A version of format 3 has no `pair_shares`: they were a half.

        Raises:
            ModelError: an array is missing or holds no finite numbers, or they do not fit each
                other.
        """
        halves = np.full(len(LABELS), 0.5, np.float32)
        arrays = {"pair_shares": halves} | dict(arrays)
        try:
            groups = ScoreGroups(arrays["group_classes"], arrays["group_starts"])
            members: dict[str, Any] = {name: arrays[name] for name in cls._arrays()}
        except KeyError as error:
            raise ModelError(f"the head lacks the array {error}") from error
        for name, array in members.items():
            if array.dtype.kind != "f":
                raise ModelError(f"the head's {name} holds {array.dtype}, not numbers")
        if members["temperature"].shape != ():
            raise ModelError("the head's temperature is not one number")
        return cls(groups=groups, **members | {"temperature": float(members["temperature"])})

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays of ``head.npz``."""
        arrays = {name: np.asarray(getattr(self, name), np.float32) for name in self._arrays()}
        groups = {"group_classes": self.groups.classes, "group_starts": self.groups.starts}
        return {**arrays, **groups}

    @classmethod
    def _arrays(cls) -> list[str]:
        return [f.name for f in fields(cls) if f.name != "groups"]

    def blocks(self, embeddings: Floats, scores: Floats) -> Blocks:
        """What is kept of ``(n, 1024)`` embeddings and ``(n, 521)`` scores of consecutive patches.

        All but a clip's last must be of a multiple of `BLOCK_PATCHES`, as YAMNet's batches are.
        """
        hidden = np.maximum(normalized(embeddings) @ self.kernel_0 + self.bias_0, np.float32(0))
        units = np.concatenate([hidden, self.groups.units(scores)], axis=1)
        begins = np.arange(0, len(units), BLOCK_PATCHES)
        sizes = np.minimum(BLOCK_PATCHES, len(units) - begins)
        sums = np.add.reduceat(units, begins, axis=0)
        patches = units @ (self.kernel_mean + self.kernel_max) + self.bias_1
        return Blocks(
            patches - patches[:, :1],
            sizes,
            np.asarray(sums / sizes[:, None], np.float32),
            np.maximum.reduceat(units, begins, axis=0),
        )

    def logits(self, parts: Sequence[Blocks]) -> Logits:
        """Logits of a clip, of its parts in order."""
        blocks = Blocks(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        stretches = self._stretches(blocks)
        # A block is in the stretch that it begins and in the one that it ends.
        n_blocks = len(blocks.sizes)
        of_block = np.maximum(
            stretches[np.minimum(np.arange(n_blocks), len(stretches) - 1)],
            stretches[np.maximum(np.arange(n_blocks) - 1, 0)],
        )
        return Logits(blocks.patches, np.repeat(of_block, blocks.sizes, axis=0))

    def _stretches(self, blocks: Blocks) -> Floats:
        """Logits ``(stretches, 4)`` of each two blocks in a row; of the only one, if it is."""
        _, sizes, means, maxima = blocks
        if len(sizes) > 1:
            weights = sizes.astype(np.float32)[:, None]
            sums = means * weights
            means = (sums[1:] + sums[:-1]) / (weights[1:] + weights[:-1])
            maxima = np.maximum(maxima[1:], maxima[:-1])
        logits = means @ self.kernel_mean + maxima @ self.kernel_max + self.bias_1
        return np.asarray(logits - logits[:, :1], np.float32)

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated probabilities of logits ``(..., 4)`` relative to casual.

        That it is a threat is as probable as a softmax has it. Which threat, is shared by the
        squares of their odds: one bang may be almost as likely an explosion as a gunshot, and must
        not for that reason stand behind a sound that is half as likely a threat.
        """
        scaled = logits / np.float32(self.temperature)
        casual = softmax(scaled)[..., :1]
        shares = softmax(2 * scaled[..., 1:])
        probabilities: Floats = np.concatenate([casual, (1 - casual) * shares], axis=-1)
        return probabilities


def normalized(embeddings: Floats) -> Floats:
    """Embeddings ``(n, 1024)`` brought to one length: most of the loudness is taken out."""
    length = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings))[:, None]
    scaled: Floats = embeddings * (EMBEDDING_NORM / (length + NORM_FLOOR))
    return scaled


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities
