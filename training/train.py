"""`python -m training.train`: adapt YAMNet to labelled clips, and train a version's head on it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import LABELS
from earshot.model.versions import sha256_hex
from earshot.yamnet.flatbuffer import Yamnet
from training.adaptation import recipe
from training.adaptation.adapt import AdaptationConfig, adapt
from training.adaptation.tapped_clips import SCRATCH, tapped_clips
from training.data.clip_features import ClipFeatures, ClipRecord, concatenate
from training.data.grouping import across_labels
from training.data.labeled_clips import LabeledClip, broadened_clips, decodable_clips
from training.evaluation.metrics import report
from training.head.calibration import calibrate, describe
from training.head.cross_validation import out_of_fold, show
from training.head.export import DATASET_NAME, REPLAY_NAME, write_version
from training.head.fitting import HeadConfig, fit_head
from training.yamnet import ADAPTATION, MODEL_DIR
from training.yamnet.adapted import write_adaptation
from training.yamnet.convert import convert
from training.yamnet.weights import HUB_HANDLE

# What a first version leaves to its successors: under 3 MB.
REPLAY_PATCHES_A_CLIP = 2
MAX_REPLAY_PATCHES = 1200


@dataclass(frozen=True)
class Files:
    """Where things are read and written.

    Attributes:
        source: TF Hub handle of the published YAMNet, or its SavedModel folder.
        adaptation: file of the adapted tail.
        yamnet: folder of the adapted YAMNet, as converted.
        out: folder of the new version.
        scratch: folder for 7 GB of taps while training goes on.
    """

    source: str
    adaptation: Path
    yamnet: Path
    out: Path
    scratch: Path


def train(
    clips: Sequence[LabeledClip],
    broadened: Sequence[LabeledClip],
    files: Files,
    config: HeadConfig,
    adaptation: AdaptationConfig,
) -> None:
    """Adapt YAMNet's tail, train a head on what it then hears, and write both.

    Biases, thresholds and temperature are chosen on what tails and heads that never heard a clip
    say of it.
    """
    sources = [recipe.sesa(clips)] + ([recipe.broadened(broadened)] if broadened else [])
    with tapped_clips(sources, files.source, files.scratch, config.seed) as tapped:
        published, heard, tap_files = tapped
        logits = out_of_fold(heard, tap_files, published.layers, config, adaptation)
        taps = tap_files.of(recipe.TRAINING)
        tail, experts = adapt(heard.training, taps, published.layers, config, adaptation)
    write_adaptation(files.adaptation, tail)
    convert(published, files.yamnet, files.adaptation)

    data = recipe.build(sources, files.yamnet, config.seed)
    fitted = fit_head(data.training, experts, config)
    calibrated = calibrate(fitted.head, data, logits, config)
    clean = [_clean_features(source, data) for source in sources]
    out = files.out
    metrics = {name: report(of_set) for name, of_set in calibrated.predictions.items()}
    write_version(
        out,
        calibrated.head.to_arrays(),
        fitted.networks,
        {"cross_validation": metrics},
        _for_successors(concatenate(clean)),
        parent=None,
        yamnet_weights_sha256=Yamnet(files.yamnet).weights_sha256,
        parameters=config.to_json() | {"adaptation": asdict(adaptation)},
        calibration=describe(calibrated.head),
        data={source.name: _summary(source.clips) for source in sources},
    )
    show(metrics, "cross-validated")
    if n := across_labels(clean[0]):
        print(
            f"{n} pairs of clips of different labels sound like one recording to this YAMNet, and "
            "a retraining would join them: mend their labels, or raise SAME_RECORDING_COSINE in "
            "training/data/grouping.py."
        )
    print(f"Written: {out}. To hear with it: make evaluate DATA=folder MODEL={out.name}")


def _for_successors(clean: ClipFeatures) -> dict[str, bytes]:
    """What a retraining that goes on from this version replays, and what cannot judge it.

    The replay is small enough for the repository: a few patches of as many clips as fit, evenly
    from all labels.
    """
    replay = clean.shortened(REPLAY_PATCHES_A_CLIP).thinned(MAX_REPLAY_PATCHES)
    learnt_from = [
        {"sha256": record.sha256, "label": str(record.label), "key": record.key}
        for record in clean.clips
    ]
    dataset = {"n_learnt_from": len(learnt_from), "learnt_from": learnt_from}
    return {REPLAY_NAME: replay.to_npz(), DATASET_NAME: json.dumps(dataset, indent=1).encode()}


def _record(clip: LabeledClip, n_patches: int) -> ClipRecord:
    return ClipRecord(
        sha256=sha256_hex(clip.path.read_bytes()),
        label=clip.label,
        key=f"{clip.label}/{clip.path.name}",
        version_id="",
        held_out=False,
        corrected=False,
        augmentation=None,
        background=None,
        n_patches=n_patches,
        duration_s=round(len(recipe.load(clip)) / SAMPLE_RATE, 3),
    )


def _clean_features(source: recipe.Source, data: recipe.TrainingData) -> ClipFeatures:
    """Features of a source's clips themselves, in their order."""
    clips = data.held_out[f"{source.name} clean"]
    return ClipFeatures(
        tuple(_record(clip, int(n)) for clip, n in zip(source.clips, clips.lengths, strict=True)),
        clips.embeddings.astype(np.float16),
        clips.scores.astype(np.float16),
    )


def _summary(clips: Sequence[LabeledClip]) -> dict[str, Any]:
    return {
        "clips": {str(label): sum(clip.label is label for clip in clips) for label in LABELS},
        "groups": len({clip.group for clip in clips}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled WAVs")
    parser.add_argument("--broadened", type=Path, help="folder that training.data.open_audio wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new version")
    parser.add_argument("--yamnet", default=HUB_HANDLE, help="TF Hub handle or SavedModel folder")
    parser.add_argument("--adaptation", type=Path, default=ADAPTATION, help="file of the tail")
    parser.add_argument("--yamnet-out", type=Path, default=MODEL_DIR, help="folder; adapted")
    parser.add_argument("--scratch", type=Path, default=SCRATCH, help="folder with 7 GB to spare")
    parser.add_argument("--seed", type=int, default=HeadConfig.seed)
    arguments = parser.parse_args()
    clips = decodable_clips(arguments.data)
    if lacking := [label for label in LABELS if not any(clip.label is label for clip in clips)]:
        parser.error(f"{arguments.data} has no clip of {', '.join(lacking)}; a head needs all four")
    broadened = broadened_clips(arguments.broadened) if arguments.broadened else []
    files = Files(
        arguments.yamnet,
        arguments.adaptation,
        arguments.yamnet_out,
        arguments.out,
        arguments.scratch,
    )
    train(clips, broadened, files, HeadConfig(seed=arguments.seed), AdaptationConfig())


if __name__ == "__main__":
    main()
