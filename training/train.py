"""`python -m training.train`: adapt YAMNet to labeled clips, and train a version's head on it.

Processes that embed clips import this module too, so TensorFlow is not imported here.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from earshot.labels import LABELS
from earshot.model.versions import MANIFEST_NAME, VERSION_PATTERN
from training.adaptation.sources import N_FOLDS, broadened, everyday, field_recordings, sesa
from training.data.labeled_clips import broadened_clips, decodable_clips, everyday_clips
from training.yamnet import SCRATCH
from training.yamnet.weights import HUB_HANDLE, WeightsUnavailableError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labeled WAVs")
    parser.add_argument("--broadened", type=Path, help="folder that training.data.open_audio wrote")
    parser.add_argument("--everyday", type=Path, help="folder of everyday sound and its manifest")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new version")
    parser.add_argument("--yamnet", default=HUB_HANDLE, help="TF Hub handle or SavedModel folder")
    parser.add_argument("--scratch", type=Path, default=SCRATCH, help="folder with 20 GB to spare")
    parser.add_argument(
        "--folds",
        type=int,
        choices=range(N_FOLDS + 1),
        default=N_FOLDS,
        help="of the cross-validation to train for; 0: none; default: all",
    )
    parser.add_argument("--steps", type=int, help="batches; default: by how many clips there are")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if not re.fullmatch(VERSION_PATTERN, arguments.out.name):
        parser.error(f"{arguments.out.name} names no version: OUT=models/v2, or another number")
    if (arguments.out / MANIFEST_NAME).exists():
        parser.error(f"{arguments.out} holds a model already; name a new folder: OUT=models/NAME")
    try:
        clips = decodable_clips(arguments.data)
    except FileNotFoundError as error:
        parser.error(str(error))
    if lacking := [label for label in LABELS if not any(clip.label is label for clip in clips)]:
        parser.error(f"{arguments.data} has no clip of {', '.join(lacking)}; a head needs all four")
    sources = [sesa(clips)]
    if arguments.broadened:
        sources.append(broadened(broadened_clips(arguments.broadened)))
    if arguments.everyday:
        of_packages, recorded = everyday_clips(arguments.everyday)
        sources += [everyday(of_packages)] + ([field_recordings(recorded)] if recorded else [])
    n_clips = sum(len(source.clips) for source in sources)
    from training.adaptation.sampling import AdaptationConfig  # TensorFlow: seconds
    from training.first_version import Files, steps_for, train

    files = Files(arguments.yamnet, arguments.out, arguments.scratch)
    steps = arguments.steps or steps_for(sources)
    print(
        f"{n_clips} clips: {1 + arguments.folds} models are trained on {steps} batches each.",
        flush=True,
    )
    try:
        train(sources, files, AdaptationConfig(steps=steps), arguments.seed, arguments.folds)
    except (FileNotFoundError, WeightsUnavailableError) as error:  # of YAMNet
        parser.error(str(error))


if __name__ == "__main__":
    main()
