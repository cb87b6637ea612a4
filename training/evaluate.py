"""`python -m training.evaluate`: how good a model version is on labelled clips."""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from tqdm import tqdm

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.classification.classifier import Classifier
from earshot.errors import ModelError
from earshot.labels import LABELS, Label
from earshot.model.events import Verdict
from earshot.model.loading import load_model
from earshot.yamnet.flatbuffer import DESCRIPTION_NAME, Yamnet
from training.adaptation.recipe import at_full_scale, load
from training.data.labelled_clips import LabelledClip, hearable_clips
from training.evaluation.baseline import Baseline
from training.evaluation.metrics import Predictions, accuracy, numbered, report
from training.evaluation.mixtures import NOISES, in_noise, short_event_mixtures
from training.yamnet import MODEL_DIR, MODELS
from training.yamnet.weights import HUB_HANDLE

NOISE_SNRS_DB = (10, 0)
EVENT_SNRS_DB = (20, 10, 0)
PUBLISHED = MODELS.parent / ".cache" / "yamnet-published"
SEED = 0

console = Console()

# Probabilities (4,) of a waveform at full scale.
Hearer = Callable[[Floats], Floats]


@dataclass(frozen=True)
class LabelledWaveforms:
    """Labelled clips, loaded as serving hears them."""

    clips: Sequence[LabelledClip]
    waveforms: Sequence[Floats]

    @classmethod
    def of(cls, folder: Path) -> LabelledWaveforms:
        """All labelled clips of a folder that can be heard."""
        clips = hearable_clips(folder)
        return cls(clips, [load(clip) for clip in tqdm(clips, "loading", unit="clip")])

    def with_label(self, label: Label) -> list[Floats]:
        """Waveforms with this label."""
        return [w for c, w in zip(self.clips, self.waveforms, strict=True) if c.label is label]


def predict(hear: Hearer, data: LabelledWaveforms, what: str) -> Predictions:
    """Predictions for all clips."""
    return Predictions(
        truth=np.array([clip.label.class_id for clip in data.clips]),
        probabilities=np.stack([hear(w) for w in tqdm(data.waveforms, what, unit="clip")]).astype(
            np.float64
        ),
        recordings=numbered([clip.group for clip in data.clips]),
    )


def without_near_duplicates(folder: Path, data: LabelledWaveforms) -> np.ndarray:
    """Which clips are no near-duplicates of training clips, by the table beside the folder.

    ``<folder>_overlap.csv`` has the columns ``file`` and ``near_duplicate_of_train``. Without it
    no clip is known to be one.
    """
    table = folder.with_name(f"{folder.name}_overlap.csv")
    if not table.is_file():
        return np.ones(len(data.clips), bool)
    with table.open(newline="") as file:
        copies = {r["file"] for r in csv.DictReader(file) if r["near_duplicate_of_train"] == "1"}
    return np.array([clip.path.name not in copies for clip in data.clips])


def noise_robustness(hear: Hearer, data: LabelledWaveforms) -> dict[str, dict[str, float]]:
    """Accuracy in noise, by signal-to-noise ratio and kind of noise, and the mean over kinds."""
    table: dict[str, dict[str, float]] = {}
    for snr_db in NOISE_SNRS_DB:
        row = {}
        for kind in NOISES:
            rng = np.random.default_rng(SEED)
            noisy = []
            for clip, waveform in zip(data.clips, data.waveforms, strict=True):
                others = [
                    other
                    for of, other in zip(data.clips, data.waveforms, strict=True)
                    if of.label is Label.CASUAL and of.group != clip.group
                ]
                noisy.append(at_full_scale(in_noise(waveform, kind, snr_db, others, rng)))
            in_this = LabelledWaveforms(data.clips, noisy)
            row[kind] = accuracy(predict(hear, in_this, f"{kind} noise at {snr_db} dB"))
        table[f"{snr_db} dB"] = {**row, "mean": float(np.mean(list(row.values())))}
    return table


def short_events(
    judge: Callable[[Floats], Verdict], data: LabelledWaveforms
) -> dict[str, dict[str, float]]:
    """One gunshot in 30 s of casual recording: how often it is found, by signal to noise."""
    table = {}
    for snr_db in EVENT_SNRS_DB:
        mixtures = short_event_mixtures(
            data.with_label(Label.GUNSHOT), data.with_label(Label.CASUAL), snr_db
        )
        found = labelled = 0
        for mixture in tqdm(mixtures, f"gunshot at {snr_db} dB", unit="clip"):
            verdict = judge(at_full_scale(mixture.waveform))
            labelled += verdict.label is Label.GUNSHOT
            found += any(
                event.label is Label.GUNSHOT
                and event.start_s < mixture.end_s
                and event.end_s > mixture.start_s
                for event in verdict.events
            )
        table[f"{snr_db} dB"] = {
            "found": found / len(mixtures),
            "clip_labelled_gunshot": labelled / len(mixtures),
        }
    return table


def false_events(
    judge: Callable[[Floats], Verdict], data: LabelledWaveforms
) -> dict[str, float | dict[str, float]]:
    """Events per hour in the casual clips by themselves, by label."""
    casual = data.with_label(Label.CASUAL)
    hours = sum(len(waveform) for waveform in casual) / SAMPLE_RATE / 3600
    events = [event for waveform in casual for event in judge(waveform).events]
    per_hour = {
        str(label): sum(event.label is label for event in events) / hours for label in LABELS[1:]
    }
    return {"casual_hours": hours, "events_per_hour": per_hour}


def evaluate(classifier: Classifier, folder: Path, *, thorough: bool) -> dict[str, Any]:
    """Everything that is measured of a model version on a folder of labelled clips."""
    data = LabelledWaveforms.of(folder)
    verdicts: list[Verdict] = []

    def judge(waveform: Floats) -> Verdict:
        return classifier.judge([waveform])[0]

    def hear(waveform: Floats) -> Floats:
        verdicts.append(judge(waveform))
        return verdicts[-1].probabilities

    predictions = predict(hear, data, "hearing")
    measured = _figures(classifier.model.version, folder, data, predictions)
    measured["uncertain"] = _uncertain(predictions, verdicts)
    if thorough:
        measured["noise"] = noise_robustness(hear, data)
        if data.with_label(Label.CASUAL):
            measured["false_events"] = false_events(judge, data)
            if data.with_label(Label.GUNSHOT):
                measured["short_events"] = short_events(judge, data)
    return measured


def evaluate_baseline(training: Path, folder: Path, yamnet: Yamnet) -> dict[str, Any]:
    """The same for the baseline, trained on another folder."""
    baseline = Baseline(hearable_clips(training), yamnet)
    data = LabelledWaveforms.of(folder)
    predictions = predict(baseline.probabilities, data, "hearing")
    measured = _figures("baseline", folder, data, predictions)
    measured["noise"] = noise_robustness(baseline.probabilities, data)
    return measured


def published_yamnet() -> Path:
    """Folder of YAMNet as published, converted once: the baseline knows no adapted one."""
    from training.yamnet.convert import convert, fetch  # imports TensorFlow: seconds

    if not (PUBLISHED / DESCRIPTION_NAME).is_file():
        PUBLISHED.parent.mkdir(exist_ok=True)
        convert(fetch(HUB_HANDLE), PUBLISHED, adaptation=None)
    return PUBLISHED


def _figures(
    model: str, folder: Path, data: LabelledWaveforms, predictions: Predictions
) -> dict[str, Any]:
    """Figures of merit, and the same without near-duplicates where some are known."""
    measured = {"model": model, "data": folder.name, **report(predictions)}
    distinct = without_near_duplicates(folder, data)
    if not distinct.all():
        measured["without_near_duplicates"] = report(predictions.take(np.flatnonzero(distinct)))
    return measured


def _uncertain(predictions: Predictions, verdicts: Sequence[Verdict]) -> dict[str, float | None]:
    uncertain = np.array([verdict.uncertain for verdict in verdicts])
    right = predictions.guesses == predictions.truth
    return {
        "share": float(uncertain.mean()),
        "accuracy_of_certain": float(right[~uncertain].mean()) if (~uncertain).any() else None,
        "accuracy_of_uncertain": float(right[uncertain].mean()) if uncertain.any() else None,
    }


def show(measured: dict[str, Any]) -> None:
    """Print the report."""
    console.print(
        f"\n[bold]{measured['model']} on {measured['data']}[/]: {measured['n']} clips "
        f"of {measured['recordings']} recordings"
    )
    _show_figures("all clips", measured)
    if "without_near_duplicates" in measured:
        distinct = measured["without_near_duplicates"]
        _show_figures(f"without near-duplicates ({distinct['n']})", distinct)
    table = Table("label", "precision", "recall", "F1", "support", title="per label")
    for label, score in measured["per_class"].items():
        figures = (f"{score[name]:.3f}" for name in ("precision", "recall", "f1"))
        table.add_row(label, *figures, str(score["support"]))
    console.print(table)
    table = Table("truth \\ heard", *measured["labels"], title="confusion matrix")
    for label, row in zip(measured["labels"], measured["confusion_matrix"], strict=True):
        table.add_row(label, *map(str, row))
    console.print(table)
    if "uncertain" in measured:
        uncertain = measured["uncertain"]
        console.print(f"uncertain: {uncertain['share']:.1%} of clips, {uncertain}")
    if "noise" in measured:
        table = Table("accuracy in noise", *NOISES, "mean")
        for snr, row in measured["noise"].items():
            table.add_row(snr, *(f"{value:.3f}" for value in row.values()))
        console.print(table)
    if "short_events" in measured:
        table = Table("one gunshot in 30 s", "found", "clip labelled gunshot")
        for snr, row in measured["short_events"].items():
            table.add_row(snr, *(f"{value:.3f}" for value in row.values()))
        console.print(table)
    if "false_events" in measured:
        false = measured["false_events"]
        console.print(
            f"false events per hour in {false['casual_hours']:.2f} h of casual clips: "
            + ", ".join(f"{label} {n:.0f}" for label, n in false["events_per_hour"].items())
        )


def _show_figures(what: str, measured: dict[str, Any]) -> None:
    def figure(name: str) -> str:
        low, high = measured[f"{name}_95"]
        return f"{measured[name]:.3f} [{low:.3f}, {high:.3f}]"

    console.print(
        f"  {what}: accuracy {figure('accuracy')}, macro F1 {figure('macro_f1')}, "
        f"ECE {measured['ece']:.3f}",
        highlight=False,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder of labelled WAVs")
    parser.add_argument("--model", default="v1", help="version in models/, or its folder")
    parser.add_argument("--json", type=Path, help="write the report here too")
    parser.add_argument("--quick", action="store_true", help="leave noise and short events out")
    parser.add_argument("--baseline", type=Path, help="train the baseline on this folder instead")
    arguments = parser.parse_args()
    if arguments.baseline:
        yamnet = Yamnet(published_yamnet(), threads=2)
        measured = evaluate_baseline(arguments.baseline, arguments.data, yamnet)
    else:
        yamnet = Yamnet(MODEL_DIR, threads=2)
        folder = Path(arguments.model)
        folder = folder if folder.is_dir() else MODELS / arguments.model
        try:
            model = load_model(lambda name: (folder / name).read_bytes(), yamnet.weights_sha256)
        except ModelError as error:
            parser.error(
                f"{folder}: {error}. `git checkout models && make setup` brings back v1's."
            )
        measured = evaluate(Classifier(yamnet, model), arguments.data, thorough=not arguments.quick)
    show(measured)
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=2) + "\n")


if __name__ == "__main__":
    main()
