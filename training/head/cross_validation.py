"""What head and tail say of clips that they have not learnt from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from tqdm import tqdm

from earshot.model.head import Logits
from training.adaptation.adapt import AdaptationConfig, adapt, hear_again
from training.adaptation.recipe import TRAINING, TrainingData
from training.adaptation.taps import TapFiles, Taps
from training.data.feature_set import FeatureSet
from training.head.fitting import HeadConfig, fit_head, logits_by_clip
from training.yamnet.network import Layer


def out_of_fold(
    data: TrainingData,
    tap_files: TapFiles,
    layers: Sequence[Layer],
    config: HeadConfig,
    adaptation: AdaptationConfig,
) -> dict[str, list[Logits]]:
    """Logits of each held-out clip, by set: tail and head are trained anew for each fold.

    There is a fold for each that `data.fold_of` has a held-out clip in.

    Args:
        data: as the published YAMNet hears it.
        tap_files: of the same sets.
        layers: of the published YAMNet.
        config: of the head.
        adaptation: of the tail.
    """
    logits: dict[str, dict[int, Logits]] = {name: {} for name in data.held_out}
    folds = sorted(
        {data.fold_of[group] for of_set in data.held_out.values() for group in of_set.groups}
    )
    for fold in tqdm(folds, desc="cross-validation", unit="fold"):
        learnt, taps = _select(
            data.training, tap_files.of(TRAINING), ~_in_fold(data.training, data.fold_of, fold)
        )
        tail, experts = adapt(learnt, taps, layers, config, adaptation)
        head = fit_head(hear_again(learnt, taps, tail, layers[-1]), experts, config).head
        for name, of_set in data.held_out.items():
            of_fold = _in_fold(of_set, data.fold_of, fold)
            if not of_fold.any():
                continue  # the fold is a source of its own, and this set is of another
            held, taps = _select(of_set, tap_files.of(name), of_fold)
            heard = logits_by_clip(head, hear_again(held, taps, tail, layers[-1]))
            logits[name] |= dict(zip(np.flatnonzero(of_fold).tolist(), heard, strict=True))
    return {name: [of_set[n] for n in range(len(of_set))] for name, of_set in logits.items()}


def show(metrics: Mapping[str, Mapping[str, Any]], how: str) -> None:
    """Print a line for each held-out set."""
    for name, measured in metrics.items():
        recall = np.mean([of_label["recall"] for of_label in measured["per_class"].values()])
        print(
            f"{name:18} n={measured['n']:5}  accuracy {measured['accuracy']:.3f}  "
            f"mean recall {recall:.3f}  macro F1 {measured['macro_f1']:.3f}  "
            f"ECE {measured['ece']:.3f}  ({how})"
        )


def _in_fold(clips: FeatureSet, fold_of: Mapping[str, int], fold: int) -> np.ndarray:
    return np.array([fold_of[group] == fold for group in clips.groups])


def _select(clips: FeatureSet, taps: Taps, chosen: np.ndarray) -> tuple[FeatureSet, Taps]:
    return clips.select(chosen), taps.select(np.repeat(chosen, clips.lengths))
