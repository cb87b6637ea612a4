"""What an evaluation needs of a classification, and many sounds classified on all cores.

`scores_of` is the only place that knows how a classification states its scores, so a change of
the model changes nothing else in the evaluation.
"""

from __future__ import annotations

import io
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
import soundfile
from threadpoolctl import threadpool_limits

from earshot.alerts.service import AlertRules
from earshot.audio.clip import Clip, full_scale_gain
from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.classification.classifier import Classifier
from earshot.labels import Label
from earshot.model.loading import load_model
from earshot.results.result import Classification
from earshot.yamnet.flatbuffer import Yamnet

THREATS = tuple(label for label in Label if label is not Label.CASUAL)


class ScoredEvent(NamedTuple):
    """An event of a label from `start_s` to `end_s`, with the score that a threshold is set on."""

    label: Label
    start_s: float
    end_s: float
    score: float


@dataclass(frozen=True)
class Scores:
    """What was found in a waveform.

    Attributes:
        label: of the clip.
        uncertain: a person should review it.
        probabilities: of all four labels.
        of_threat: score of each threat, 0..1, on which alerts are decided: its probability, or the
            confidence of its best event if that is higher.
        events: in order of time.
        alerts: labels that raise an alert, before any cooldown.
    """

    label: Label
    uncertain: bool
    probabilities: dict[Label, float]
    of_threat: dict[Label, float]
    events: tuple[ScoredEvent, ...]
    alerts: tuple[Label, ...]


# A file, or a waveform: ``(samples,)`` float32 of 16 kHz, at any level.
Sound = Path | Floats
# Scores of sounds, in their order.
Classify = Callable[[Iterable[Sound]], Iterator[Scores]]


def scores_of(classification: Classification, rules: AlertRules) -> Scores:
    """Scores of a classification, and the alerts that it raises by these rules."""
    of_threat: dict[Label, float] = {k: classification.probabilities[k] for k in THREATS}
    for event in classification.events:
        of_threat[event.label] = max(event.confidence, of_threat[event.label])
    return Scores(
        label=classification.label,
        uncertain=classification.uncertain,
        probabilities=dict(classification.probabilities),
        of_threat=of_threat,
        events=tuple(
            ScoredEvent(event.label, event.start_s, event.end_s, event.confidence)
            for event in classification.events
        ),
        alerts=tuple(rules.matches(classification)),
    )


def classify_sound(classifier: Classifier, rules: AlertRules, sound: Sound) -> Scores:
    """Classify a file, or a waveform as the service does a WAV file of it.

    Raises:
        RejectedClipError: the file cannot be classified.
    """
    if isinstance(sound, Path):
        file: BinaryIO = io.BytesIO(sound.read_bytes())
    else:
        file = io.BytesIO()
        soundfile.write(file, sound, SAMPLE_RATE, format="WAV", subtype="FLOAT")
        file.seek(0)
    with Clip(file) as clip:
        return scores_of(classifier.classify(clip), rules)


def full_scale_waveform(sound: Sound) -> Floats:
    """``(samples,)`` of a sound as the classifier gets it: 16 kHz, at full scale.

    Raises:
        RejectedClipError: the file cannot be classified.
    """
    if not isinstance(sound, Path):
        return sound * full_scale_gain(float(np.abs(sound).max(initial=0)))
    with sound.open("rb") as file, Clip(file) as clip:
        return np.concatenate(list(clip.waveform_blocks()))


@contextmanager
def classifying(
    version: Path, yamnet: Path, rules: AlertRules, processes: int | None = None
) -> Iterator[Classify]:
    """What classifies sounds with a model version, in a process for each core.

    Sounds are taken from the iterable as processes ask for them, so hours of sound need not be
    in memory at once.

    Args:
        version, yamnet: folders of the model version and of YAMNet.
        rules: of alerts.
        processes: one for each core by default.

    Raises:
        BrokenProcessPool: a process could not load the version, or was killed; from what is
            yielded.
    """
    processes = processes or os.cpu_count() or 1
    with ProcessPoolExecutor(
        processes,
        multiprocessing.get_context("spawn"),  # threads of a parent do not survive a fork
        _begin,
        (version, yamnet, rules),
    ) as pool:
        yield lambda sounds: _in_order(pool, sounds, ahead=4 * processes)


def _in_order(pool: ProcessPoolExecutor, sounds: Iterable[Sound], ahead: int) -> Iterator[Scores]:
    """Scores of sounds, of which so many are taken ahead of what is asked for."""
    waiting: deque[Future[Scores]] = deque()
    for sound in sounds:
        waiting.append(pool.submit(_classify, sound))
        if len(waiting) > ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


_of_process: tuple[Classifier, AlertRules]


def _begin(version: Path, yamnet_folder: Path, rules: AlertRules) -> None:
    global _of_process  # noqa: PLW0603  # a process pool leaves no other way to keep YAMNet
    threadpool_limits(1)  # there is a process for each core
    yamnet = Yamnet(yamnet_folder)
    model = load_model(lambda name: (version / name).read_bytes(), yamnet.weights_sha256)
    _of_process = Classifier(yamnet, model), rules


def _classify(sound: Sound) -> Scores:
    return classify_sound(*_of_process, sound)
