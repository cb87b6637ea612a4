"""The head: YAMNet's output for each patch to logits of our labels, as plain float32 arrays.

Two experts score each patch. The *embedding expert*, dense layers on the patch's embedding, knows
the labels best on microphones like those it was trained on. The *score expert*, a small network on
YAMNet's own AudioSet scores, carries over to other microphones. Their logits are summed, which
makes the product of their probabilities (Hinton 2002, "Training products of experts").

All logits are relative to casual, whose own is 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.errors import ModelError
from earshot.labels import LABELS
from earshot.yamnet import N_EMBEDDING, N_SCORES

# Embeddings are scaled to this length, which leaves their values at about 1.
EMBEDDING_NORM = np.float32(32)
_NORM_FLOOR = np.float32(1e-3)  # an embedding of silence is all but zero, and stays so
_SCORE_MIN, _SCORE_MAX = 1e-7, 1 - 1e-6  # a float32 score may be 0 or 1: its log-odds may not

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


@dataclass(frozen=True)
class Expert:
    """Two dense layers with ReLU between; normalisation and batch norm are folded into them.

    Attributes:
        kernel_0, bias_0: ``(inputs, hidden)``, ``(hidden,)``.
        kernel_1, bias_1: ``(hidden, 4)``, ``(4,)``.
    """

    kernel_0: Floats
    bias_0: Floats
    kernel_1: Floats
    bias_1: Floats

    def __post_init__(self) -> None:
        hidden = len(self.bias_0)
        shapes = (self.kernel_0.shape[1:], self.kernel_1.shape, self.bias_1.shape)
        if shapes != ((hidden,), (hidden, len(LABELS)), (len(LABELS),)):
            raise ModelError(f"the layers of an expert do not fit each other: {shapes}")

    def logits(self, inputs: Floats) -> Floats:
        """Logits relative to casual, ``(n, 4)``, of ``(n, inputs)``."""
        hidden = np.maximum(inputs @ self.kernel_0 + self.bias_0, np.float32(0))
        logits: Floats = hidden @ self.kernel_1 + self.bias_1
        return logits - logits[:, :1]


@dataclass(frozen=True)
class ScoreGroups:
    """Groups of AudioSet classes that mean the same to us, such as all kinds of siren.

    Attributes:
        classes: indices of the classes, one group after the other.
        starts: ``(groups,)`` where in `classes` each group begins.
        floor: lower log-odds count as this.
    """

    classes: Ints
    starts: Ints
    floor: float

    def __post_init__(self) -> None:
        if self.classes.min() < 0 or self.classes.max() >= N_SCORES:
            raise ModelError("a group names a class that YAMNet does not have")

    def log_odds(self, scores: Floats) -> Floats:
        """Highest log-odds in each group, ``(n, groups)``, of ``(n, 521)`` scores in 0..1."""
        highest = np.maximum.reduceat(scores[:, self.classes], self.starts, axis=1)
        clipped = np.clip(highest, _SCORE_MIN, _SCORE_MAX)
        log_odds: Floats = np.log(clipped / (1 - clipped)).astype(np.float32)
        return np.maximum(log_odds, np.float32(self.floor))


@dataclass(frozen=True)
class Head:
    """Both experts, how they are combined over a clip, and what was calibrated with them.

    Attributes:
        embedding: expert on length-normalised embeddings.
        score: expert on the log-odds of score groups.
        groups: of the score expert.
        score_weight: of the score expert's logits in the sum.
        pool_share: of the soft maximum over patches in the score expert's clip logits; the rest,
            and all of the embedding expert's, is the mean.
        pool_sharpness: of the soft maximum.
        temperature: by which logits are divided for calibrated probabilities (Guo et al. 2017,
            arXiv:1706.04599).
        event_thresholds: ``(4,)`` logits at which a patch is an event of its own; casual has none.
        event_releases: ``(4,)`` logits down to which an event reaches on both sides.
        event_contrast: share of a clip's median logits that is taken off its patches where an
            event is sought in a clip that is casual on the whole.
        uncertain_below: a confidence below this is uncertain.
    """

    embedding: Expert
    score: Expert
    groups: ScoreGroups
    score_weight: float
    pool_share: float
    pool_sharpness: float
    temperature: float
    event_thresholds: Floats
    event_releases: Floats
    event_contrast: float
    uncertain_below: float

    def __post_init__(self) -> None:
        n_inputs = (len(self.embedding.kernel_0), len(self.score.kernel_0))
        if n_inputs != (N_EMBEDDING, len(self.groups.starts)):
            raise ModelError(f"the experts take {n_inputs} inputs, which YAMNet does not give")
        if self.event_thresholds.shape != (len(LABELS),):
            raise ModelError("the head has no event threshold for each label")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> Head:
        """Head of the arrays of ``head.npz``; `to_arrays` gives them.

        Raises:
            ModelError: an array is missing, or they do not fit each other.
        """
        try:
            return cls(
                embedding=_expert(arrays, "embedding"),
                score=_expert(arrays, "score"),
                groups=ScoreGroups(
                    arrays["group_classes"], arrays["group_starts"], float(arrays["group_floor"])
                ),
                score_weight=float(arrays["score_weight"]),
                pool_share=float(arrays["pool_share"]),
                pool_sharpness=float(arrays["pool_sharpness"]),
                temperature=float(arrays["temperature"]),
                event_thresholds=arrays["event_thresholds"],
                event_releases=arrays["event_releases"],
                event_contrast=float(arrays["event_contrast"]),
                uncertain_below=float(arrays["uncertain_below"]),
            )
        except KeyError as error:
            raise ModelError(f"the head lacks the array {error}") from error

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Arrays of ``head.npz``."""
        arrays: dict[str, NDArray[Any]] = {
            f"{name}_{f.name}": getattr(expert, f.name)
            for name, expert in (("embedding", self.embedding), ("score", self.score))
            for f in fields(Expert)
        }
        scalars = {
            "group_floor": self.groups.floor,
            "score_weight": self.score_weight,
            "pool_share": self.pool_share,
            "pool_sharpness": self.pool_sharpness,
            "temperature": self.temperature,
            "event_contrast": self.event_contrast,
            "uncertain_below": self.uncertain_below,
        }
        return {
            **arrays,
            **{name: np.array(value, np.float32) for name, value in scalars.items()},
            "group_classes": self.groups.classes,
            "group_starts": self.groups.starts,
            "event_thresholds": self.event_thresholds,
            "event_releases": self.event_releases,
        }

    def patch_logits(self, embeddings: Floats, scores: Floats) -> Floats:
        """Logits of both experts, ``(n, 2, 4)``: all that need be kept of ``n`` patches.

        ``[:, 0]`` are the embedding expert's, ``[:, 1]`` the score expert's, already weighted.
        """
        return np.stack(
            [
                self.embedding.logits(normalised(embeddings)),
                np.float32(self.score_weight) * self.score.logits(self.groups.log_odds(scores)),
            ],
            axis=1,
        )

    def pooled(self, patch_logits: Floats) -> Floats:
        """Logits of both experts over a clip, ``(2, 4)``, of `patch_logits` of all its patches."""
        embedding, score = patch_logits[:, 0], patch_logits[:, 1]
        # The sharpness holds for the score expert's own logits, before they are weighted.
        soft = log_mean_exp(score, self.pool_sharpness / self.score_weight)
        pooled = (1 - self.pool_share) * score.mean(axis=0) + self.pool_share * soft
        return np.stack([embedding.mean(axis=0), pooled])

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated probabilities of summed logits, over the last axis."""
        return softmax(logits / np.float32(self.temperature))


def _expert(arrays: Mapping[str, NDArray[Any]], name: str) -> Expert:
    return Expert(**{f.name: arrays[f"{name}_{f.name}"] for f in fields(Expert)})


def normalised(embeddings: Floats) -> Floats:
    """Embeddings ``(n, 1024)`` brought to one length: most of the loudness is taken out."""
    length = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings))[:, None]
    scaled: Floats = embeddings * (EMBEDDING_NORM / (length + _NORM_FLOOR))
    return scaled


def log_mean_exp(values: Floats, sharpness: float) -> Floats:
    """Soft maximum over the first axis: the mean at sharpness 0, the maximum at infinity."""
    highest = values.max(axis=0)
    pooled: Floats = highest + np.log(np.exp(sharpness * (values - highest)).mean(axis=0)) / (
        np.float32(sharpness)
    )
    return pooled


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities
