"""Batches of clips that YAMNet's tail and the head learn from: which, how often, which patches."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from training.adaptation.taps import Taps
from training.data.feature_set import UNKNOWN, FeatureSet, Floats
from training.head.network import NetworkConfig, spread_rows

_CASUAL = Label.CASUAL.class_id
_UNSEEN_LOSS = 5.0  # of a casual clip that was not drawn yet: it is drawn soon
_LEAST_LOSS = 0.02  # of one that is well known: it is drawn again all the same


@dataclass(frozen=True)
class AdaptationConfig:
    """Hyper-parameters of the adaptation.

    Attributes:
        head: of the network that is trained with the tail: its size, batches and learning rate.
        steps: batches; the learning rates rise at first, then fall to 0 along half a cosine.
        learning_rate: of the tail, at its highest, of Adam.
        casual_share: of each batch; the other labels share the rest alike.
        hard_share: of the casual clips that are drawn by how wrong the network was about them.
        score_weight: in the loss, of the AudioSet scores' cross-entropy with the published ones.
        patch_weight: of the loss of single patches whose label is known.
        best_weight: of the loss of the best patch of all other clips.
        mixup: both parameters of the beta distribution that shares are drawn from; a clip keeps
            the greater part of its mixture.
        group_regression: of its logits, added; see `training.head.group_regression`.
    """

    head: NetworkConfig = field(default_factory=NetworkConfig)
    steps: int = 2500
    learning_rate: float = 2e-4
    casual_share: float = 0.55
    hard_share: float = 0.5
    score_weight: float = 0.12
    patch_weight: float = 0.6
    best_weight: float = 0.42
    mixup: float = 0.3
    group_regression: float = 0.5


class Batch(NamedTuple):
    """Patches of random clips, before they are mixed in twos.

    Attributes:
        clips: ``(b,)`` indices.
        taps: ``(b, patches, 6, 4, 512)`` float16.
        labels: ``(b, 4)`` what each clip is.
        scores: ``(b, patches, 521)`` AudioSet scores that are to be kept.
        patch_labels: ``(b, patches, 4)``; `known`: ``(b, patches)`` 1 where they are known.
        shares: ``(b,)`` how much of the mixture is the clip's own.
    """

    clips: NDArray[np.int64]
    taps: NDArray[np.float16]
    labels: Floats
    scores: NDArray[np.float16]
    patch_labels: Floats
    known: Floats
    shares: Floats


class Sampler:
    """Draws batches: so many casual clips, hard ones among them, and of each other label alike."""

    def __init__(self, clips: FeatureSet, taps: Taps, config: AdaptationConfig, seed: int) -> None:
        self._clips, self._taps, self._config = clips, taps, config
        self._rng = np.random.default_rng(seed)
        self._losses = np.full(len(clips.labels), _UNSEEN_LOSS)
        self._of_label = [np.flatnonzero(clips.labels == k) for k in range(len(LABELS))]
        size = config.head.batch_clips
        present = [k for k, of in enumerate(self._of_label) if len(of)]
        threats = [k for k in present if k != _CASUAL]
        n_casual = round(size * config.casual_share) if _CASUAL in present else 0
        self._counts = {k: (size - n_casual) // max(1, len(threats)) for k in threats}
        if n_casual:
            self._counts[_CASUAL] = size - sum(self._counts.values())

    def draw(self) -> Batch:
        """The next batch."""
        chosen = self._rng.permutation(
            np.concatenate([self._chosen(k, count) for k, count in self._counts.items()])
        )
        n_patches = self._config.head.patches_per_clip
        rows = spread_rows(self._clips, chosen, self._rng.random((len(chosen), n_patches)))
        self._put_events_first(chosen, rows)
        labels = np.eye(len(LABELS), dtype=np.float32)[self._clips.labels[chosen]]
        known = self._clips.known[rows]
        patch_labels = np.where(
            (known == 1)[..., None], labels[:, None], np.eye(len(LABELS), dtype=np.float32)[_CASUAL]
        )
        shares = self._rng.beta(self._config.mixup, self._config.mixup, len(chosen))
        return Batch(
            chosen,
            self._taps[rows],
            labels,
            self._clips.scores[rows].astype(np.float16),
            patch_labels.astype(np.float32),
            (known != UNKNOWN).astype(np.float32),
            np.maximum(shares, 1 - shares).astype(np.float32),
        )

    def note(self, batch: Batch, losses: Floats) -> None:
        """Remember how wrong the network was about the casual clips that were hardly mixed."""
        plain = (self._clips.labels[batch.clips] == _CASUAL) & (batch.shares > 0.9)
        of = batch.clips[plain]
        before = np.where(self._losses[of] == _UNSEEN_LOSS, losses[plain], self._losses[of])
        self._losses[of] = np.maximum(_LEAST_LOSS, (before + losses[plain]) / 2)

    def _chosen(self, label: int, count: int) -> NDArray[np.int64]:
        of_label = self._of_label[label]
        weights = self._clips.weights[of_label].astype(np.float64)
        n_hard = int(count * self._config.hard_share) if label == _CASUAL else 0
        hard = weights * np.minimum(self._losses[of_label], _UNSEEN_LOSS)
        chosen: NDArray[np.int64] = np.concatenate(
            [
                self._rng.choice(of_label, count - n_hard, p=weights / weights.sum()),
                self._rng.choice(of_label, n_hard, p=hard / hard.sum()),
            ]
        )
        return chosen

    def _put_events_first(self, chosen: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Half of a clip's patches are of its event, where it is known which hold it."""
        n_events = rows.shape[1] // 2
        for clip, of_clip in zip(chosen, rows, strict=True):
            begin, end = self._clips.offsets[clip : clip + 2]
            events = begin + np.flatnonzero(self._clips.known[begin:end] == 1)
            if 0 < len(events) < end - begin:
                of_clip[:n_events] = self._rng.choice(events, n_events)
