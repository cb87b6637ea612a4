"""Fit a head: both experts on all clips; thresholds and temperature on clips they never heard."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import pairwise
from typing import Any

import keras
import numpy as np
import scipy
from numpy.typing import NDArray

from earshot.labels import LABELS, Label
from earshot.model.events import casual_on_the_whole, event_logits
from earshot.model.head import Expert, Head, Logits, ScoreGroups
from training.data.feature_set import FeatureSet, Floats
from training.head.experts import ExpertConfig, as_expert, fit_expert, mean_of
from training.head.score_groups import score_groups


@dataclass(frozen=True)
class HeadConfig:
    """Hyper-parameters of the head.

    Attributes:
        embedding, score: of its experts.
        score_weight, event_contrast, uncertain_below: see `earshot.model.head.Head`.
        false_flips: share of casual clips that each label's event threshold may turn into that
            label, out of fold. A gunshot must not be missed, so more is allowed there.
        release_below: logits from an event's threshold down to its release.
        members: networks of each expert, fitted from different seeds; their mean is served, as
            one wider network.
        seed: of everything random.
    """

    embedding: ExpertConfig = field(
        default_factory=lambda: ExpertConfig(
            hidden=128,
            input_dropout=0.2,
            dropout=0.4,
            weight_decay=1e-4,
            epochs=12,
            patches_per_clip=6,
            one_scale=True,
        )
    )
    score: ExpertConfig = field(
        default_factory=lambda: ExpertConfig(
            hidden=32,
            input_dropout=0.0,
            dropout=0.2,
            weight_decay=1e-4,
            epochs=14,
            patches_per_clip=8,
            one_scale=False,
        )
    )
    score_weight: float = 0.7
    uncertain_below: float = 0.6
    false_flips: Mapping[Label, float] = field(
        default_factory=lambda: {Label.GUNSHOT: 0.02, Label.EXPLOSION: 0.01, Label.SIREN: 0.005}
    )
    release_below: float = 2.0
    event_contrast: float = 0.2
    members: int = 3
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


@dataclass(frozen=True)
class FittedHead:
    """A head and the Keras networks that its experts come from, such as ``embedding_0``."""

    head: Head
    networks: dict[str, keras.Model]


def fit_head(
    clips: FeatureSet, embedding_experts: Sequence[keras.Model], config: HeadConfig
) -> FittedHead:
    """Head of an embedding expert that is fitted, and a score expert that is fitted here.

    It has no thresholds yet and is not calibrated.

    Args:
        clips: as the YAMNet hears them that the embedding expert was trained with.
        embedding_experts: its networks.
        config: of the head.
    """
    groups = score_groups()
    log_odds = groups.log_odds(clips.scores)
    networks = {f"embedding_{n}": network for n, network in enumerate(embedding_experts)}
    for n in range(config.members):
        networks[f"score_{n}"] = fit_expert(log_odds, clips, config.score, config.seed + n)
    return FittedHead(uncalibrated(networks, groups, config), networks)


def uncalibrated(
    networks: Mapping[str, keras.Model], groups: ScoreGroups, config: HeadConfig
) -> Head:
    """Head of fitted networks, without thresholds and not calibrated."""
    return Head(
        embedding=served(networks, "embedding"),
        score=served(networks, "score"),
        groups=groups,
        score_weight=config.score_weight,
        temperature=1.0,
        event_thresholds=np.full(len(LABELS), np.inf, np.float32),
        event_releases=np.full(len(LABELS), np.inf, np.float32),
        event_contrast=config.event_contrast,
        uncertain_below=config.uncertain_below,
    )


def served(networks: Mapping[str, keras.Model], expert: str) -> Expert:
    """An expert as it is served: the mean of its networks."""
    names = sorted(name for name in networks if name.startswith(expert))
    return mean_of([as_expert(networks[name]) for name in names])


def logits_by_clip(head: Head, clips: FeatureSet) -> list[Logits]:
    """Logits of each clip, as `Head.logits` gives them."""
    return [
        head.logits(clips.embeddings[begin:end], clips.scores[begin:end])
        for begin, end in pairwise(clips.offsets)
    ]


def with_thresholds(
    head: Head, casual: Sequence[Logits], weights: NDArray[np.float64], config: HeadConfig
) -> Head:
    """The head with event thresholds that flip no more casual clips than `config` allows.

    A clip that is not casual even without an event has nothing to flip.

    Args:
        head: uncalibrated.
        casual: out-of-fold logits of casual clips.
        weights: of the clips, so that a source's say does not grow with its clips.
        config: shares and release.
    """
    highest = np.stack(
        [
            event_logits(head, logits).max(axis=0)
            if casual_on_the_whole(logits)
            else np.full(len(LABELS), -np.inf, np.float32)
            for logits in casual
        ]
    )
    thresholds = np.full(len(LABELS), np.inf, np.float32)
    for label, false_flips in config.false_flips.items():
        k = label.class_id
        order = np.argsort(-highest[:, k])
        share = np.cumsum(weights[order]) / weights.sum()
        thresholds[k] = max(float(highest[order, k][np.searchsorted(share, false_flips)]), 0.0)
    releases = np.maximum(thresholds - np.float32(config.release_below), 0)
    return replace(head, event_thresholds=thresholds, event_releases=releases)


def with_biases(
    head: Head, together: Floats, labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> Head:
    """The head with a bias on each label, fitted together with a temperature (vector scaling).

    Training weighs labels alike, which is not how often each is wrong on clips from elsewhere:
    the biases put that right (Guo et al. 2017, arXiv:1706.04599, section 4.2). They go into the
    embedding expert, so that patches and clips shift alike.

    Args:
        head: to be shifted.
        together: ``(clips, 4)`` out-of-fold logits, before any event is considered.
        labels: ``(clips,)`` class ids.
        weights: ``(clips,)``.
    """

    def loss(parameters: NDArray[np.float64]) -> float:
        biases = np.concatenate([[0.0], parameters[1:]])  # casual stays the reference
        return negative_log_likelihood((together + biases) / np.exp(parameters[0]), labels, weights)

    best = scipy.optimize.minimize(
        loss, np.zeros(len(LABELS)), method="Nelder-Mead", options=_PRECISE
    ).x
    biases = np.concatenate([[0.0], best[1:]]).astype(np.float32)
    return replace(head, embedding=replace(head.embedding, bias_1=head.embedding.bias_1 + biases))


_PRECISE = {"maxiter": 4000, "xatol": 1e-4, "fatol": 1e-7}


def with_temperature(
    head: Head, clip_logits: Floats, labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> Head:
    """The head at the temperature of the lowest weighted negative log-likelihood.

    Args:
        head: its temperature is replaced.
        clip_logits: ``(clips, 4)`` out-of-fold logits, not divided by a temperature.
        labels: ``(clips,)`` class ids.
        weights: ``(clips,)``.
    """
    best = min(
        np.geomspace(0.5, 4.0, 61),
        key=lambda t: negative_log_likelihood(clip_logits / t, labels, weights),
    )
    return replace(head, temperature=float(best))


def negative_log_likelihood(
    logits: NDArray[np.floating], labels: NDArray[np.int64], weights: NDArray[np.float64]
) -> float:
    """Weighted mean over clips of minus the log-probability of the label."""
    log_probabilities = scipy.special.log_softmax(logits, axis=1)[np.arange(len(labels)), labels]
    return -float(np.average(log_probabilities, weights=weights))
