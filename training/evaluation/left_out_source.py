"""`python -m training.evaluation.left_out_source`: evaluate the recipe on a left-out source.

YAMNet's blocks and the head are trained on the other source alone and tested on the clips of the
one left out, whose microphones and annotators are then no help. Nothing is fitted to it, no bias or
temperature either. Its casual recordings may be mixed into the other's variants, as noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from earshot.model.events import scores_of
from training.adaptation.sampling import AdaptationConfig
from training.adaptation.sources import Source, broadened, sesa
from training.adaptation.tapped_clips import TappedClips, tapped_clips
from training.data.labeled_clips import broadened_clips, decodable_clips
from training.evaluation.metrics import numbered, report
from training.evaluation.predictions import Predictions
from training.head.cross_validation import out_of_fold, show
from training.head.network import PAIR_SHARES
from training.yamnet import SCRATCH
from training.yamnet.weights import HUB_HANDLE


def measure_left_out(
    tapped: TappedClips,
    sources: Sequence[Source],
    config: AdaptationConfig,
    seed: int,
) -> dict[str, dict[str, Any]]:
    """Figures of each held-out set, by models that learned from no clip of its source.

    Args:
        tapped: clips of the sources.
        sources: at least two.
        config: of the adaptation.
        seed: of all chance.
    """
    numbers = {source.name: number for number, source in enumerate(sources)}
    data = replace(tapped.data, fold_of=_by_source(tapped.data.fold_of, numbers))
    found = out_of_fold(data, tapped.tap_files, tapped.published.layers, config, seed)
    figures = {}
    for name, of_set in data.held_out.items():
        scores = np.stack([scores_of(clip, PAIR_SHARES).max(axis=0) for clip in found.logits[name]])
        probabilities = scipy.special.softmax(scores.astype(np.float64), axis=1)
        figures[name] = report(Predictions(of_set.labels, probabilities, numbered(of_set.groups)))
    return figures


def _by_source(groups: Mapping[str, int], numbers: Mapping[str, int]) -> dict[str, int]:
    """A fold for each source; what is of none, such as silence, is in the first."""
    return {group: numbers.get(group.split("/", 1)[0], 0) for group in groups}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.left_out_source", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of labeled WAVs")
    parser.add_argument("--broadened", type=Path, required=True, help="of training.data.open_audio")
    parser.add_argument("--yamnet", default=HUB_HANDLE, help="TF Hub handle or SavedModel folder")
    parser.add_argument("--scratch", type=Path, default=SCRATCH, help="folder with 12 GB to spare")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not (arguments.broadened / "manifest.csv").is_file():
        parser.error(f"{arguments.broadened} holds no sounds: `make open-audio` fetches them")
    sources = [
        sesa(decodable_clips(arguments.data)),
        broadened(broadened_clips(arguments.broadened)),
    ]
    seed = arguments.seed
    with tapped_clips(sources, arguments.yamnet, arguments.scratch, seed) as tapped:
        show(measure_left_out(tapped, sources, AdaptationConfig(), seed), "source left out")


if __name__ == "__main__":
    main()
