"""The head: YAMNet's output for each patch to logits of our labels, as plain float32 arrays.

Two experts score each patch, and the clip's patches together. The *embedding expert*, dense layers
on the patch's embedding, knows the labels best on microphones like those it was trained on. The
*score expert*, a small network on YAMNet's own AudioSet scores, carries over to other microphones.
Their logits are summed, which makes the product of their probabilities (Hinton 2002, "Training
products of experts").

All logits are relative to casual, whose own is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.audio.log_mel import BATCH_PATCHES
from earshot.errors import ModelError
from earshot.labels import LABELS
from earshot.yamnet.flatbuffer import N_EMBEDDING, N_SCORES

# Embeddings are scaled to this length, which leaves their values at about 1.
EMBEDDING_NORM = np.float32(32)
NORM_FLOOR = np.float32(1e-3)  # an embedding of silence is all but zero, and stays so
# Patches that are heard together, 15.8 s: as many as YAMNet runs on at once.
STRETCH_PATCHES = BATCH_PATCHES
_SCORE_MIN, _SCORE_MAX = 1e-7, 1 - 1e-6  # a float32 score may be 0 or 1: its log-odds may not

Floats = NDArray[np.float32]
Ints = NDArray[np.int32]


class Logits(NamedTuple):
    """What both experts make of consecutive patches; the score expert's are already weighted.

    Attributes:
        patches: ``(n, 2, 4)`` of each patch alone: the embedding expert's, the score expert's.
        together: ``(2, 4)`` of all of them together.
    """

    patches: Floats
    together: Floats


@dataclass(frozen=True)
class Expert:
    """Two dense layers with ReLU between; normalisation and batch norm are folded into them.

    Of several patches together, the second layer sees the mean and the maximum of each hidden
    unit; of one patch alone, both are the unit itself.

    Attributes:
        kernel_0, bias_0: ``(inputs, hidden)``, ``(hidden,)``.
        kernel_mean, kernel_max, bias_1: ``(hidden, 4)``, ``(hidden, 4)``, ``(4,)``.
    """

    kernel_0: Floats
    bias_0: Floats
    kernel_mean: Floats
    kernel_max: Floats
    bias_1: Floats

    def __post_init__(self) -> None:
        hidden, n_labels = len(self.bias_0), len(LABELS)
        shapes = (
            self.kernel_0.shape[1:],
            self.kernel_mean.shape,
            self.kernel_max.shape,
            self.bias_1.shape,
        )
        if shapes != ((hidden,), (hidden, n_labels), (hidden, n_labels), (n_labels,)):
            raise ModelError(f"the layers of an expert do not fit each other: {shapes}")

    def logits(self, inputs: Floats) -> tuple[Floats, Floats]:
        """Logits relative to casual of ``(n, inputs)``: each alone ``(n, 4)``, and all ``(4,)``."""
        hidden = np.maximum(inputs @ self.kernel_0 + self.bias_0, np.float32(0))
        alone: Floats = hidden @ (self.kernel_mean + self.kernel_max) + self.bias_1
        together: Floats = (
            hidden.mean(axis=0) @ self.kernel_mean
            + hidden.max(axis=0) @ self.kernel_max
            + self.bias_1
        )
        return alone - alone[:, :1], together - together[0]


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

    def logits(self, embeddings: Floats, scores: Floats) -> Logits:
        """Logits of both experts of ``n`` consecutive patches: all that need be kept of them.

        More than `STRETCH_PATCHES` are heard as so many stretches: see `join`.
        """
        return join(
            [
                self._of_stretch(
                    embeddings[begin : begin + STRETCH_PATCHES],
                    scores[begin : begin + STRETCH_PATCHES],
                )
                for begin in range(0, len(embeddings), STRETCH_PATCHES)
            ]
        )

    def _of_stretch(self, embeddings: Floats, scores: Floats) -> Logits:
        alone, together = self.embedding.logits(normalised(embeddings))
        score_alone, score_together = self.score.logits(self.groups.log_odds(scores))
        weight = np.float32(self.score_weight)
        return Logits(
            np.stack([alone, weight * score_alone], axis=1),
            np.stack([together, weight * score_together]),
        )

    def probabilities(self, logits: Floats) -> Floats:
        """Calibrated probabilities of summed logits, over the last axis."""
        return softmax(logits / np.float32(self.temperature))


def _expert(arrays: Mapping[str, NDArray[Any]], name: str) -> Expert:
    return Expert(**{f.name: arrays[f"{name}_{f.name}"] for f in fields(Expert)})


def normalised(embeddings: Floats) -> Floats:
    """Embeddings ``(n, 1024)`` brought to one length: most of the loudness is taken out."""
    length = np.sqrt(np.einsum("ij,ij->i", embeddings, embeddings))[:, None]
    scaled: Floats = embeddings * (EMBEDDING_NORM / (length + NORM_FLOOR))
    return scaled


def join(stretches: Sequence[Logits]) -> Logits:
    """Logits of consecutive stretches: of all together, the mean, each with its patches' weight.

    A clip is heard in stretches because a maximum grows with what it is taken of: over an hour,
    some patch would drive each hidden unit higher than any clip did in training.
    """
    weights = [len(stretch.patches) for stretch in stretches]
    together = np.average([s.together for s in stretches], axis=0, weights=weights)
    return Logits(
        np.concatenate([stretch.patches for stretch in stretches]), together.astype(np.float32)
    )


def softmax(logits: Floats) -> Floats:
    """Probabilities of logits over the last axis."""
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    probabilities: Floats = exponentials / exponentials.sum(axis=-1, keepdims=True)
    return probabilities
