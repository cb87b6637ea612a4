"""Refit the last layer of a head, so that a lesson is learned without forgetting the others.

A network that is fine-tuned on five new clips beside thousands learns next to nothing of them. Here
the clips of a lesson are constraints: each event score is to have a margin on its label's side of
the line. What is to stay as it is, are constraints as well: no threat of the replay may fall below
its score, no other clip may rise above its own, as far as they decide anything. Of all last
layers, that one is taken which violates these constraints and departs from the given layer the
least, in squares: the closer it keeps to what the replay's patches are scored, the better.

Each label's score is a maximum of functions that are linear in the layer's weights. So the problem
is convex for what must stay low, and solved by repeated least squares over the constraints that are
violated; for what must stay high, the patch that scores highest now is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.head import BLOCK_PATCHES, Head, normalized
from training.data.feature_set import FeatureSet, Floats

# In logits, beyond the line at which a label is as probable as casual.
MARGIN = 0.5
# A threat of the replay that scores more than this may come down to it. Chosen with five and with
# fifteen false alarms of everyday sound corrected: docs/retraining.md has the figures.
ENOUGH = 2.0
# Weights of departing from the replay's scores, and from the layer's weights, beside a violation's.
# Of 0.03, 0.12 and 0.4 the last lets most candidates of `make correction-trials` pass the gate.
_KEEP_SCORES, _KEEP_WEIGHTS = 0.4, 0.01
# ... and of a threat of the replay that is lost, beside a corrected clip that is not learned.
_KEEP_THREATS = 4.0
_ROUNDS, _WHOLE_STEPS, _SETTLED = 20, 3, 1e-5
_PATCHES_A_CLIP = 16  # that violate a constraint, at most

Doubles = NDArray[np.float64]


class _Clip(NamedTuple):
    """Units ``(patches, units)`` of a clip, and what its highest score must not cross.

    A violation has the clip's weight.
    """

    units: Floats
    at_least: bool
    limit: float
    weight: float = 1.0


@dataclass(frozen=True)
class _Layer:
    """Scores of one label, as functions of its weights in the last layer.

    Attributes:
        pair_share: of two neighboring patches in an event score.
    """

    pair_share: float

    def inputs(self, units: Floats, weights: Doubles) -> Doubles:
        """What is multiplied by the weights for each patch's event score, ``(n, 2 units + 1)``.

        Which neighbor supports a patch, and which stretch it is scored in, is as the weights have
        it now; see `earshot.model.events.scores_of`.
        """
        ones = np.ones((len(units), 1), np.float32)
        patches = np.concatenate([units, units, ones], axis=1)
        pairs = patches
        if len(units) > 1:
            between = 0.5 * (patches[1:] + patches[:-1])
            pairs = between[_higher_neighbor(between @ weights, len(units))]
        stretches, sizes = _stretches(units)
        of_block = _higher_neighbor(stretches @ weights, len(sizes))
        of_patch = np.repeat(stretches[of_block], sizes, axis=0)
        mixed: Doubles = self.pair_share * pairs + (1 - self.pair_share) * of_patch
        return mixed

    def highest(self, units: Floats, weights: Doubles) -> float:
        """A clip's score."""
        return float((self.inputs(units, weights) @ weights).max())


def refit(head: Head, lesson: FeatureSet, replay: FeatureSet) -> Head:
    """The head with a last layer that has learned the lesson.

    Args:
        head: to start from; its other layers and its calibration stay.
        lesson: clips that it is to classify as they are labeled.
        replay: clips whose scores are to stay; their labels are what the head was trained on.
    """
    if not len(lesson.labels):
        return head
    units_of_lesson, units_of_replay = units_by_clip(head, lesson), units_by_clip(head, replay)
    departures = np.zeros((2 * len(head.kernel_mean) + 1, len(LABELS)))
    for label in LABELS:
        if label is Label.CASUAL:
            continue
        layer = _Layer(float(head.pair_shares[label.class_id]))
        weights = _weights_of(head, label)
        clips = [
            *_of_lesson(units_of_lesson, lesson.labels, label),
            *_of_replay(layer, units_of_replay, replay.labels == label.class_id, weights),
        ]
        departures[:, label.class_id] = _solve(layer, clips, units_of_replay, weights) - weights
    mean, maximum = np.split(departures[:-1].astype(np.float32), 2)
    return replace(
        head,
        kernel_mean=head.kernel_mean + mean,
        kernel_max=head.kernel_max + maximum,
        bias_1=head.bias_1 + departures[-1].astype(np.float32),
    )


def units_by_clip(head: Head, clips: FeatureSet) -> list[Floats]:
    """What the last layer takes of each clip's patches, ``(patches, units)``."""
    hidden = normalized(clips.embeddings.astype(np.float32)) @ head.kernel_0 + head.bias_0
    groups = head.groups.units(clips.scores.astype(np.float32))
    units = np.concatenate([np.maximum(hidden, np.float32(0)), groups], axis=1)
    return [units[begin:end] for begin, end in pairwise(clips.offsets)]


def _of_lesson(units: Sequence[Floats], labels: NDArray[np.int64], label: Label) -> Iterator[_Clip]:
    """A casual clip is to be nothing else; a threat may sound like another, if less so."""
    for of_clip, class_id in zip(units, labels.tolist(), strict=True):
        if class_id == label.class_id:
            yield _Clip(of_clip, at_least=True, limit=MARGIN)
        else:
            casual = class_id == Label.CASUAL.class_id
            yield _Clip(of_clip, at_least=False, limit=-MARGIN if casual else 0.0)


def _of_replay(
    layer: _Layer,
    units: Sequence[Floats],
    own: NDArray[np.bool_],
    weights: Doubles,
) -> Iterator[_Clip]:
    for of_clip, is_own in zip(units, own.tolist(), strict=True):
        score = layer.highest(of_clip, weights)
        if is_own:
            yield _Clip(of_clip, True, min(score, ENOUGH), _KEEP_THREATS)
        else:
            yield _Clip(of_clip, False, max(score, -MARGIN))


def _solve(
    layer: _Layer, clips: Sequence[_Clip], replay: Sequence[Floats], start: Doubles
) -> Doubles:
    """Weights that violate the clips' limits little and depart from `start` little."""
    keep = _importance(np.concatenate(replay), start)
    weights = start
    for n in range(_ROUNDS):
        violated = [_violations(layer, clip, weights) for clip in clips]
        inputs = np.concatenate([rows for rows, _ in violated])
        limits = np.concatenate([limits for _, limits in violated])
        if not len(inputs):
            break
        departure = np.linalg.solve(keep + inputs.T @ inputs, inputs.T @ (limits - inputs @ start))
        # Half steps later on: two constraints may take turns at being violated.
        better = start + departure
        following = better if n < _WHOLE_STEPS else 0.5 * (weights + better)
        settled = np.abs(following - weights).max() < _SETTLED
        weights = following
        if settled:
            break
    return weights


def _violations(layer: _Layer, clip: _Clip, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Inputs of the patches whose scores violate a clip's limit, and the limits, both weighted."""
    inputs = layer.inputs(clip.units, weights)
    scores = inputs @ weights
    order = np.argsort(-scores)
    chosen = order[:1] if clip.at_least else order[:_PATCHES_A_CLIP]
    beyond = scores[chosen] < clip.limit if clip.at_least else scores[chosen] > clip.limit
    rows = inputs[chosen[beyond]] * np.sqrt(clip.weight)
    return rows, np.full(len(rows), clip.limit * np.sqrt(clip.weight))


def _importance(units: Floats, weights: Doubles) -> Doubles:
    """Quadratic form of a departure from `weights`: of what it changes in the replay, and its size.

    Patches far below the line count little: what they are scored decides nothing.
    """
    rows = np.concatenate([units, units, np.ones((len(units), 1))], axis=1).astype(np.float64)
    counts = (1 / (1 + np.exp(-(rows @ weights + 3))) + 0.01) / len(rows)
    form: Doubles = _KEEP_SCORES * (rows * counts[:, None]).T @ rows
    return form + _KEEP_WEIGHTS * np.eye(len(weights))


def _weights_of(head: Head, label: Label) -> Doubles:
    """Weights of a label relative to casual's: of means, of maxima, and the bias."""
    k, casual = label.class_id, Label.CASUAL.class_id
    return np.concatenate(
        [kernel[:, k] - kernel[:, casual] for kernel in (head.kernel_mean, head.kernel_max)]
        + [[head.bias_1[k] - head.bias_1[casual]]]
    ).astype(np.float64)


def _stretches(units: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Mean and maximum of each two blocks in a row, with a one, and the sizes of the blocks."""
    begins = np.arange(0, len(units), BLOCK_PATCHES)
    sizes = np.minimum(BLOCK_PATCHES, len(units) - begins)
    sums = np.add.reduceat(units, begins, axis=0)
    maxima = np.maximum.reduceat(units, begins, axis=0)
    together = sizes
    if len(sizes) > 1:
        sums, together = sums[1:] + sums[:-1], sizes[1:] + sizes[:-1]
        maxima = np.maximum(maxima[1:], maxima[:-1])
    ones = np.ones((len(sums), 1), np.float32)
    return np.concatenate([sums / together[:, None], maxima, ones], axis=1), sizes


def _higher_neighbor(scores: Doubles, n: int) -> NDArray[np.int64]:
    """For each of `n` things, the one before or after it in `scores`, whichever is higher."""
    before = np.maximum(np.arange(n) - 1, 0)
    after = np.minimum(np.arange(n), len(scores) - 1)
    return np.where(scores[before] >= scores[after], before, after)
