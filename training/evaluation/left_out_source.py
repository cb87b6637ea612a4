"""`python -m training.evaluation.left_out_source`: evaluate the recipe on a left-out source.

YAMNet's blocks and the head are trained on the other source alone and judge the clips of the one
left out, whose microphones and labellers are then no help. Nothing is fitted to it, no bias or
temperature either. Its casual recordings may be heard behind the other's variants, as noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy

from training.adaptation import recipe
from training.adaptation.adapt import AdaptationConfig
from training.adaptation.recipe import Source
from training.adaptation.tapped_clips import SCRATCH, TappedClips, tapped_clips
from training.data.labeled_clips import broadened_clips, decodable_clips
from training.evaluation.metrics import Predictions, numbered, report
from training.head.cross_validation import out_of_fold, show
from training.head.fitting import HeadConfig
from training.yamnet.weights import HUB_HANDLE


def measure_unheard(
    heard: TappedClips,
    sources: Sequence[Source],
    config: HeadConfig,
    adaptation: AdaptationConfig,
) -> dict[str, dict[str, Any]]:
    """Figures of each held-out set, by models that never heard a clip of its source.

    Args:
        heard: clips of the sources.
        sources: at least two.
        config: of the head.
        adaptation: of YAMNet's tail.
    """
    numbers = {source.name: number for number, source in enumerate(sources)}
    data = replace(heard.data, fold_of=_by_source(heard.data.fold_of, numbers))
    logits = out_of_fold(data, heard.tap_files, heard.published.layers, config, adaptation)
    figures = {}
    for name, of_set in data.held_out.items():
        together = np.stack([clip.together.sum(axis=0) for clip in logits[name]])
        probabilities = scipy.special.softmax(together.astype(np.float64), axis=1)
        figures[name] = report(Predictions(of_set.labels, probabilities, numbered(of_set.groups)))
    return figures


def _by_source(groups: Mapping[str, int], numbers: Mapping[str, int]) -> dict[str, int]:
    """A fold for each source; what is of none, such as silence, is in the first."""
    return {group: numbers.get(group.split("/", 1)[0], 0) for group in groups}


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.left_out_source", description=__doc__
    )
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled WAVs")
    parser.add_argument("--broadened", type=Path, required=True, help="of training.data.open_audio")
    parser.add_argument("--yamnet", default=HUB_HANDLE, help="TF Hub handle or SavedModel folder")
    parser.add_argument("--scratch", type=Path, default=SCRATCH, help="folder with 7 GB to spare")
    parser.add_argument("--seed", type=int, default=HeadConfig.seed)
    arguments = parser.parse_args()
    if not (arguments.broadened / "manifest.csv").is_file():
        parser.error(f"{arguments.broadened} holds no sounds: `make open-audio` fetches them")
    sources = [
        recipe.sesa(decodable_clips(arguments.data)),
        recipe.broadened(broadened_clips(arguments.broadened)),
    ]
    config = HeadConfig(seed=arguments.seed)
    with tapped_clips(sources, arguments.yamnet, arguments.scratch, config.seed) as heard:
        show(measure_unheard(heard, sources, config, AdaptationConfig()), "source never heard")


if __name__ == "__main__":
    main()
