"""What head and tail give of clips that they have not learned from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from earshot.model.head import Logits
from training.adaptation.adapt import adapt, embed_taps
from training.adaptation.recipe import HOURS, TRAINING, TrainingData
from training.adaptation.sampling import AdaptationConfig
from training.adaptation.taps import TapFiles, Taps
from training.data.feature_set import FeatureSet
from training.head.fitting import logits_by_clip
from training.head.network import as_head
from training.yamnet.network import Layer


@dataclass(frozen=True)
class OutOfFold:
    """Logits of clips by models that did not learn from them, by held-out set.

    Attributes:
        logits: of each clip, in order.
        clips: ``(clips,)`` their indices in the set.
    """

    logits: dict[str, list[Logits]]
    clips: dict[str, NDArray[np.int64]]


def out_of_fold(
    data: TrainingData,
    tap_files: TapFiles,
    layers: Sequence[Layer],
    config: AdaptationConfig,
    seed: int,
    n_folds: int | None = None,
) -> OutOfFold:
    """Logits of each held-out clip, by set, and of each segment of everyday sound.

    Tail and head are trained anew for each fold. There is a fold for each that `data.fold_of` has
    a held-out clip in.

    Args:
        data: with the taps of the published YAMNet.
        tap_files: of the same sets.
        layers: of the published YAMNet.
        config: of the adaptation.
        seed: of all chance.
        n_folds: train for the first so many folds alone; None for all.
    """
    hours = data.training.select(data.hours), _of(tap_files, TRAINING, data.training, data.hours)
    sets = {name: (of_set, tap_files.of(name)) for name, of_set in data.held_out.items()} | (
        {HOURS: hours} if data.hours.any() else {}
    )
    logits: dict[str, dict[int, Logits]] = {name: {} for name in sets}
    folds = sorted({data.fold_of[group] for of_set, _ in sets.values() for group in of_set.groups})
    for fold in tqdm(folds[:n_folds], desc="cross-validation", unit="fold"):
        learned = ~_in_fold(data.training, data.fold_of, fold)
        adapted = adapt(
            data.training.select(learned),
            _of(tap_files, TRAINING, data.training, learned),
            layers,
            config,
            seed,
        )
        head = as_head(adapted.network)
        for name, (of_set, taps) in sets.items():
            of_fold = _in_fold(of_set, data.fold_of, fold)
            if not of_fold.any():
                continue  # the fold is a source of its own, and this set is of another
            held = of_set.select(of_fold)
            of_held = taps.select(np.repeat(of_fold, of_set.lengths))
            embeddings, scores = embed_taps(of_held, adapted.tail, layers[-1])
            found = logits_by_clip(head, replace(held, embeddings=embeddings, scores=scores))
            logits[name] |= dict(zip(np.flatnonzero(of_fold).tolist(), found, strict=True))
    return OutOfFold(
        {name: [of_set[n] for n in sorted(of_set)] for name, of_set in logits.items()},
        {name: np.array(sorted(of_set), np.int64) for name, of_set in logits.items()},
    )


def show(metrics: Mapping[str, Mapping[str, Any]], how: str) -> None:
    """Print a line for each held-out set."""
    for name, measured in metrics.items():
        recall = np.mean([of_label["recall"] for of_label in measured["per_class"].values()])
        print(
            f"{name:18} n={measured['n']:5}  accuracy {measured['accuracy']:.3f}  "
            f"mean recall {recall:.3f}  macro F1 {measured['macro_f1']:.3f}  "
            f"ECE {measured['ece']:.3f}  ({how})"
        )


def _in_fold(clips: FeatureSet, fold_of: Mapping[str, int], fold: int) -> NDArray[np.bool_]:
    return np.array([fold_of[group] == fold for group in clips.groups], bool)


def _of(tap_files: TapFiles, name: str, clips: FeatureSet, chosen: NDArray[np.bool_]) -> Taps:
    return tap_files.of(name).select(np.repeat(chosen, clips.lengths))
