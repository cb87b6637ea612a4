"""`python -m training.train`: train a head on labelled clips and export it as a version."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from earshot.head import Head
from earshot.labels import LABELS
from earshot.yamnet import Yamnet
from training import recipe
from training.calibration import calibrate
from training.dataset import LabelledClip, broadened_clips, labelled_clips
from training.export import write_version
from training.fitting import HeadConfig, fit_experts
from training.metrics import report
from training.yamnet import MODEL_DIR


def train(
    clips: Sequence[LabelledClip], broadened: Sequence[LabelledClip], out: Path, config: HeadConfig
) -> None:
    """Train on both sets and write the version `out`."""
    yamnet = Yamnet(MODEL_DIR, threads=2)
    sources = [recipe.sesa(clips)] + ([recipe.broadened(broadened)] if broadened else [])
    data = recipe.build(sources, yamnet, config.seed)
    fitted = fit_experts(data.training, config)
    calibrated = calibrate(fitted.head, data, config)
    metrics = {name: report(of_set) for name, of_set in calibrated.predictions.items()}
    write_version(
        out,
        calibrated.head.to_arrays(),
        fitted.networks,
        {"cross_validation": metrics},
        parent=None,
        yamnet_weights_sha256=yamnet.weights_sha256,
        parameters=_plain(config),
        calibration=_calibration(calibrated.head),
        data={source.name: _summary(source.clips) for source in sources},
    )
    for name, measured in metrics.items():
        print(
            f"{name:18} n={measured['n']:5}  accuracy {measured['accuracy']:.3f}  "
            f"macro F1 {measured['macro_f1']:.3f}  ECE {measured['ece']:.3f}  (cross-validated)"
        )
    print(f"Written: {out}. To hear with it: make evaluate DATA=folder MODEL={out.name}")


def _plain(config: HeadConfig) -> dict[str, Any]:
    """The configuration as JSON has it."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(config)))
    return plain


def _calibration(head: Head) -> dict[str, Any]:
    """Temperature and thresholds, for a person to read; serving reads ``head.npz``."""
    thresholds = {str(label): float(head.event_thresholds[label.class_id]) for label in LABELS[1:]}
    releases = {str(label): float(head.event_releases[label.class_id]) for label in LABELS[1:]}
    return {
        "temperature": head.temperature,
        "event_thresholds": thresholds,
        "event_releases": releases,
        "uncertain_below": head.uncertain_below,
    }


def _summary(clips: Sequence[LabelledClip]) -> dict[str, Any]:
    return {
        "clips": {str(label): sum(clip.label is label for clip in clips) for label in LABELS},
        "groups": len({clip.group for clip in clips}),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled WAVs")
    parser.add_argument("--broadened", type=Path, help="folder that training.broaden wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder of the new version")
    parser.add_argument("--seed", type=int, default=HeadConfig.seed)
    arguments = parser.parse_args()
    broadened = broadened_clips(arguments.broadened) if arguments.broadened else []
    config = HeadConfig(seed=arguments.seed)
    train(labelled_clips(arguments.data), broadened, arguments.out, config)


if __name__ == "__main__":
    main()
