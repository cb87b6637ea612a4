"""How a model version does on labeled clips: as they are, in noise, and one shot among 30 s."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.labels import LABELS, Label
from training.data.labeled_clips import LabeledClip, decodable_clips
from training.evaluation.metrics import accuracy, numbered, report
from training.evaluation.mixtures import NOISES, in_noise, short_event_mixtures
from training.evaluation.predictions import Predictions
from training.evaluation.progress import progress
from training.evaluation.scores import Classify, Scores, Sound, full_scale_waveform

NOISE_SNRS_DB = (10, 0)
EVENT_SNRS_DB = (20, 10, 0)
SEED = 0

# Probabilities (4,) of sounds, in their order.
Probabilities = Callable[[Iterable[Sound]], Iterator[Floats]]


@dataclass(frozen=True)
class LabeledClips:
    """Labeled clips of a folder that can be classified."""

    folder: Path
    clips: Sequence[LabeledClip]

    @classmethod
    def of(cls, folder: Path) -> LabeledClips:
        """All of a folder; those that are left out are named on stderr."""
        return cls(folder, decodable_clips(folder))

    @cached_property
    def waveforms(self) -> list[Floats]:
        """Waveform of each clip at full scale."""
        return [full_scale_waveform(clip.path) for clip in self.clips]

    def with_label(self, label: Label) -> list[Floats]:
        """Waveforms with this label."""
        return [w for c, w in zip(self.clips, self.waveforms, strict=True) if c.label is label]

    def predictions(self, probabilities: Iterable[Floats], what: str) -> Predictions:
        """Predictions for all clips, from the probabilities of each in turn."""
        shown = progress(probabilities, what, total=len(self.clips))
        return Predictions(
            truth=np.array([clip.label.class_id for clip in self.clips]),
            probabilities=np.stack(list(shown)).astype(np.float64),
            recordings=numbered([clip.group for clip in self.clips]),
        )

    def without_near_duplicates(self) -> np.ndarray:
        """Which clips are no near-duplicates of training clips, as far as is known."""
        copies = near_duplicates(self.folder)
        return np.array([clip.path.name not in copies for clip in self.clips])


def near_duplicates(folder: Path) -> set[str]:
    """Names of a folder's clips that are near-duplicates of training clips.

    The table ``<folder>_overlap.csv`` beside it has the columns ``file`` and
    ``near_duplicate_of_train``. Without it no clip is known to be one.
    """
    table = folder.with_name(f"{folder.name}_overlap.csv")
    if not table.is_file():
        return set()
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {row["file"] for row in rows if row["near_duplicate_of_train"] == "1"}


def evaluate_labeled(classify: Classify, data: LabeledClips, *, full: bool) -> dict[str, Any]:
    """Figures on labeled clips.

    Args:
        classify: gives the scores of sounds.
        data: the clips.
        full: in noise and with short events too, which takes some fifteen times as long.
    """
    scores: list[Scores] = []

    def kept() -> Iterator[Floats]:
        for of_clip in classify(clip.path for clip in data.clips):
            scores.append(of_clip)
            yield probabilities_of(of_clip)

    def probabilities(sounds: Iterable[Sound]) -> Iterator[Floats]:
        return map(probabilities_of, classify(sounds))

    predictions = data.predictions(kept(), "clips")
    figures = labeled_figures(data, predictions) | {"uncertain": _uncertain(predictions, scores)}
    if full:
        figures["noise"] = noise_robustness(probabilities, data)
        if data.with_label(Label.CASUAL):
            figures["false_events"] = false_events(classify, data)
            if data.with_label(Label.GUNSHOT):
                figures["short_events"] = short_events(classify, data)
    return figures


def probabilities_of(scores: Scores) -> Floats:
    """Probabilities ``(4,)`` in the order of `LABELS`."""
    return np.array([scores.probabilities[label] for label in LABELS], np.float32)


def labeled_figures(data: LabeledClips, predictions: Predictions) -> dict[str, Any]:
    """Metrics, and the same without near-duplicates where some are known."""
    figures = {"data": data.folder.name, **report(predictions)}
    distinct = data.without_near_duplicates()
    if not distinct.all():
        figures["without_near_duplicates"] = report(predictions.take(np.flatnonzero(distinct)))
    return figures


def noise_robustness(
    probabilities: Probabilities, data: LabeledClips
) -> dict[str, dict[str, float]]:
    """Accuracy in noise, by signal-to-noise ratio and kind of noise, and the mean over kinds.

    Casual noise is left out where the folder has no casual clip of another recording group.
    """
    table: dict[str, dict[str, float]] = {}
    for snr_db in NOISE_SNRS_DB:
        row = {}
        for kind in NOISES:
            others = _backgrounds(data)
            if kind == "casual" and not all(others):
                continue
            noisy = _in_noise(data, kind, snr_db, others)
            predictions = data.predictions(probabilities(noisy), f"{kind} noise at {snr_db} dB")
            row[kind] = accuracy(predictions)
        table[f"{snr_db} dB"] = {**row, "mean": float(np.mean(list(row.values())))}
    return table


def _backgrounds(data: LabeledClips) -> list[list[Floats]]:
    """For each clip, the casual clips of other recording groups."""
    casual = [
        (clip.group, waveform)
        for clip, waveform in zip(data.clips, data.waveforms, strict=True)
        if clip.label is Label.CASUAL
    ]
    return [[w for group, w in casual if group != clip.group] for clip in data.clips]


def _in_noise(
    data: LabeledClips, kind: str, snr_db: float, backgrounds: Sequence[Sequence[Floats]]
) -> Iterator[Floats]:
    rng = np.random.default_rng(SEED)
    for waveform, others in zip(data.waveforms, backgrounds, strict=True):
        yield in_noise(waveform, kind, snr_db, others, rng)


def short_events(classify: Classify, data: LabeledClips) -> dict[str, dict[str, float]]:
    """One gunshot in 30 s of casual recording: how often it is found, by signal to noise."""
    table = {}
    for snr_db in EVENT_SNRS_DB:
        mixtures = short_event_mixtures(
            data.with_label(Label.GUNSHOT), data.with_label(Label.CASUAL), snr_db
        )
        all_scores = progress(
            classify(mixture.waveform for mixture in mixtures),
            f"gunshot in 30 s at {snr_db} dB",
            total=len(mixtures),
        )
        found = labeled = 0
        for mixture, scores in zip(mixtures, all_scores, strict=True):
            labeled += scores.label is Label.GUNSHOT
            found += any(
                event.label is Label.GUNSHOT
                and event.start_s < mixture.end_s
                and event.end_s > mixture.start_s
                for event in scores.events
            )
        table[f"{snr_db} dB"] = {
            "found": found / len(mixtures),
            "clip_labeled_gunshot": labeled / len(mixtures),
        }
    return table


def false_events(classify: Classify, data: LabeledClips) -> dict[str, float | dict[str, float]]:
    """Events per hour in the casual clips by themselves, by label."""
    casual = data.with_label(Label.CASUAL)
    hours = sum(len(waveform) for waveform in casual) / SAMPLE_RATE / 3600
    events = [event for scores in classify(casual) for event in scores.events]
    per_hour = {
        str(label): sum(event.label is label for event in events) / hours for label in LABELS[1:]
    }
    return {"casual_hours": hours, "events_per_hour": per_hour}


def _uncertain(predictions: Predictions, scores: Sequence[Scores]) -> dict[str, float | None]:
    uncertain = np.array([of_clip.uncertain for of_clip in scores])
    right = predictions.guesses == predictions.truth
    return {
        "share": float(uncertain.mean()),
        "accuracy_of_certain": float(right[~uncertain].mean()) if (~uncertain).any() else None,
        "accuracy_of_uncertain": float(right[uncertain].mean()) if uncertain.any() else None,
    }
