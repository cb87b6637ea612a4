"""`python -m training.evaluate`: how good a model version is on labeled clips and ambient sound.

docs/evaluation.md describes what is measured, and the formats of both folders.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from earshot.alerts.service import AlertRules
from earshot.audio.log_mel import Floats
from earshot.errors import ModelError
from earshot.labels import Label
from earshot.model.loading import Model, load_model
from earshot.model.versions import yamnet_folder
from earshot.yamnet.flatbuffer import DESCRIPTION_NAME, Yamnet
from training.data.labeled_clips import decodable_clips
from training.evaluation.ambient import AmbientRecording, ambient_recordings
from training.evaluation.curve_plots import write_plots
from training.evaluation.everyday import Everyday, Threat, classify_everyday
from training.evaluation.everyday_figures import everyday_figures
from training.evaluation.everyday_tables import everyday_tables
from training.evaluation.false_alarm_files import PAGE_NAME, write_false_alarms
from training.evaluation.labeled import (
    LabeledClips,
    Probabilities,
    evaluate_labeled,
    labeled_figures,
    noise_robustness,
)
from training.evaluation.labeled_tables import labeled_tables, length_tables
from training.evaluation.looks import count_look
from training.evaluation.scores import (
    THREATS,
    Classify,
    Sound,
    classifying,
    full_scale_waveform,
)
from training.evaluation.synthetic import accuracy_by_length, event_figures
from training.yamnet import MODEL_DIR, MODELS
from training.yamnet.weights import HUB_HANDLE

if TYPE_CHECKING:
    from training.evaluation.baseline import Baseline

CACHE = MODELS.parent / ".cache"
PUBLISHED = CACHE / "yamnet-published"
LOOKS = CACHE / "evaluations.csv"
# The defaults of template.yaml; a test compares them.
ALERT_RULES = AlertRules(
    labels=frozenset(THREATS), min_confidence=0.5, cooldown=timedelta(seconds=300)
)

# Tables keep their columns in a file or a pipe too.
console = Console(width=None if Console().is_terminal else 120)


def evaluate_everyday(
    classify: Classify, recordings: list[AmbientRecording], data: LabeledClips
) -> Everyday:
    """What is found in ambient recordings, and in the threats of a folder of labeled clips."""
    threats = [
        Threat(clip.label, data.folder.name, clip.group, clip.path)
        for clip in data.clips
        if clip.label is not Label.CASUAL
    ]
    return classify_everyday(classify, recordings, threats)


def evaluate_baseline(training: Path, data: LabeledClips, *, full: bool) -> dict[str, Any]:
    """Figures of the baseline, trained on another folder, on labeled clips."""
    from training.evaluation.baseline import Baseline  # imports TensorFlow: seconds

    baseline = Baseline(decodable_clips(training), Yamnet(published_yamnet(), threads=2))
    probabilities = _of_baseline(baseline)
    predictions = data.predictions(probabilities(clip.path for clip in data.clips), "clips")
    figures = {"model": "baseline", **labeled_figures(data, predictions)}
    if full:
        figures["noise"] = noise_robustness(probabilities, data)
    return figures


def _of_baseline(baseline: Baseline) -> Probabilities:
    def probabilities(sounds: Iterable[Sound]) -> Iterator[Floats]:
        return (baseline.probabilities(full_scale_waveform(sound)) for sound in sounds)

    return probabilities


def published_yamnet() -> Path:
    """Folder of YAMNet as published, converted once: the baseline uses no adapted one."""
    from training.yamnet.convert import convert, fetch  # imports TensorFlow: seconds

    if not (PUBLISHED / DESCRIPTION_NAME).is_file():
        PUBLISHED.parent.mkdir(exist_ok=True)
        convert(fetch(HUB_HANDLE), PUBLISHED, adaptation=None)
    return PUBLISHED


def print_all(lines: Iterable[Table | str]) -> None:
    """Print tables and lines."""
    for line in lines:
        console.print(line, highlight=False)


def main() -> None:
    arguments = _parser().parse_args()
    try:
        data = LabeledClips.of(arguments.data)
    except FileNotFoundError as error:
        raise SystemExit(f"{error}.") from error
    if arguments.baseline:
        figures = evaluate_baseline(arguments.baseline, data, full=arguments.full)
        print_all(labeled_tables(figures))
    else:
        figures = _evaluate_version(arguments, data)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2, allow_nan=False) + "\n")


def _evaluate_version(arguments: argparse.Namespace, data: LabeledClips) -> dict[str, Any]:
    folder = Path(arguments.model)
    folder = folder if folder.is_dir() else MODELS / arguments.model
    model = _loaded(folder)
    recordings = ambient_recordings(arguments.ambient) if arguments.ambient else []
    with classifying(folder, yamnet_folder(folder, MODEL_DIR), ALERT_RULES) as classify:
        figures = {
            "model": model.version,
            **evaluate_labeled(classify, data, full=arguments.full),
            "looks": _looks(data.folder, model),
        }
        print_all(labeled_tables(figures))
        if arguments.full:
            figures["by_length"] = accuracy_by_length(classify, data.clips, recordings)
            print_all(length_tables(figures["by_length"]))
        if recordings:
            found = evaluate_everyday(classify, recordings, data)
            figures["everyday"] = {
                "data": arguments.ambient.name,
                "looks": _looks(arguments.ambient, model),
                **everyday_figures(found, ALERT_RULES),
            }
            if arguments.full:
                figures["everyday"] |= {"events": event_figures(classify, data.clips, recordings)}
            print_all(everyday_tables(figures["everyday"]))
            if arguments.out:
                _write(found, figures["everyday"], arguments.out)
    for name, looks in (
        (data.folder.name, figures["looks"]),
        *([(arguments.ambient.name, figures["everyday"]["looks"])] if recordings else []),
    ):
        console.print(
            f"{name}: evaluated {looks['evaluations']} times from this checkout, "
            f"on {looks['models']} different models"
        )
    return figures


def _write(found: Everyday, figures: Mapping[str, Any], out: Path) -> None:
    write_plots(found, figures, out)
    alarms = write_false_alarms(found, out / "false_alarms")
    console.print(f"{len(alarms)} false alarms to listen to: {out / 'false_alarms' / PAGE_NAME}")


def _loaded(folder: Path) -> Model:
    yamnet = Yamnet(yamnet_folder(folder, MODEL_DIR))
    try:
        return load_model(lambda name: (folder / name).read_bytes(), yamnet.weights_sha256)
    except ModelError as error:
        raise SystemExit(f"{folder}: {error}.") from error
    except FileNotFoundError as error:
        raise SystemExit(
            f"There is no version in {folder}: {error.filename} is missing."
        ) from error


def _looks(folder: Path, model: Model) -> dict[str, int]:
    evaluations, models = count_look(LOOKS, folder, model.version, model.sha256)
    return {"evaluations": evaluations, "models": models}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labeled WAVs")
    parser.add_argument("--model", default="v1", help="version in models/, or its folder")
    parser.add_argument("--ambient", type=Path, help="folder of sound without threats")
    parser.add_argument("--out", type=Path, help="folder for plots and false alarms as WAVs")
    parser.add_argument("--json", type=Path, help="write the figures here too")
    parser.add_argument("--full", action="store_true", help="noise, mixtures and lengths too")
    parser.add_argument("--baseline", type=Path, help="train the baseline on this folder instead")
    return parser


if __name__ == "__main__":
    main()
