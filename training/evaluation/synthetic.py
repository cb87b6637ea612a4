"""Threats mixed into everyday sound: events at known times, and recordings of any length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import librosa
import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.labels import LABELS, Label
from training.data.augment import add_event, loop_to_length, loudest_stretch
from training.data.labeled_clips import LabeledClip
from training.evaluation.ambient import AmbientRecording
from training.evaluation.event_metrics import AnnotatedRecording, TrueEvent, event_f1, psds
from training.evaluation.false_alarms import share_interval
from training.evaluation.progress import progress
from training.evaluation.scores import THREATS, Classify, full_scale_waveform

SNR_DB = 10.0
# The loudest stretch of a clip that is mixed in. It is trimmed to what is within 20 dB of its peak.
EVENT_S = {Label.GUNSHOT: 1.0, Label.EXPLOSION: 3.0, Label.SIREN: 6.0}
TRIM_DB = 20.0
MIXTURES, MIXTURE_S = 120, 30.0
MOST_EVENTS, GAP_S = 2, 2.0  # of one mixture
CROPS_S = (0.25, 0.5, 1.0, 2.0, 5.0)
# Seconds of a recording, and how many with a threat and how many without.
EMBEDDED_S = {30.0: 60, 300.0: 15, 3000.0: 5}


class Mixture(NamedTuple):
    """A recording and the events that were mixed into it."""

    waveform: Floats
    events: list[TrueEvent]


def event_figures(
    classify: Classify,
    clips: Sequence[LabeledClip],
    recordings: Sequence[AmbientRecording],
    seed: int = 0,
) -> dict[str, Any]:
    """Event-based F1 and PSDS on mixtures of 30 s, each with up to two threats or none.

    Args:
        classify: gives the scores of sounds.
        clips: labeled ones; threats are mixed in.
        recordings: the casual ones are what threats are mixed into.
        seed: of the mixtures.
    """
    made: list[Mixture] = []

    def waveforms() -> Iterator[Floats]:
        for mixture in event_mixtures(clips, recordings, seed):
            made.append(mixture._replace(waveform=mixture.waveform[:0]))
            yield mixture.waveform

    shown = progress(classify(waveforms()), "events", total=MIXTURES)
    annotated = [
        AnnotatedRecording(made[n].events, scores.events, MIXTURE_S)
        for n, scores in enumerate(shown)
    ]
    of_label = event_f1(annotated)
    known = [value for value in of_label.values() if value is not None]
    return {
        "mixtures": len(annotated),
        "events": sum(len(recording.true) for recording in annotated),
        "snr_db": SNR_DB,
        "f1": {str(label): value for label, value in of_label.items()},
        "macro_f1": float(np.mean(known)) if known else None,
        "psds": psds(annotated),
    }


def event_mixtures(
    clips: Sequence[LabeledClip], recordings: Sequence[AmbientRecording], seed: int = 0
) -> Iterator[Mixture]:
    """Mixtures, one after the other; each label is as likely, however many clips it has."""
    rng = np.random.default_rng(seed)
    of_label = {label: [c for c in clips if c.label is label] for label in THREATS}
    labels = [label for label, some in of_label.items() if some]
    for n in range(MIXTURES):
        waveform, events = _stretch_of(recordings, MIXTURE_S, rng), []
        background, begin_s = waveform, 0.0
        for _ in range(n % (MOST_EVENTS + 1)):
            label = labels[int(rng.integers(len(labels)))]
            clip = of_label[label][int(rng.integers(len(of_label[label])))]
            event = _event_of(clip)
            # An event has half of the mixture to itself, where there are two.
            last_s = begin_s + MIXTURE_S / MOST_EVENTS - len(event) / SAMPLE_RATE - GAP_S
            start_s = float(rng.uniform(begin_s, last_s))
            begin_s += MIXTURE_S / MOST_EVENTS
            start = round(start_s * SAMPLE_RATE)
            waveform = waveform + (add_event(background, event, start, SNR_DB) - background)
            events.append(TrueEvent(label, start_s, start_s + len(event) / SAMPLE_RATE))
        yield Mixture(waveform, events)


def accuracy_by_length(
    classify: Classify,
    clips: Sequence[LabeledClip],
    recordings: Sequence[AmbientRecording],
    seed: int = 0,
) -> dict[str, Any]:
    """Accuracy of clips cropped to their loudest stretch, and of threats in long recordings.

    A crop is made of each clip that is as long. In a long recording, the loudest stretch of a
    threat (see `EVENT_S`) stands 10 dB above the everyday sound; as many recordings hold none,
    and casual is then the right label. Without ambient recordings there are crops alone.
    """
    rng = np.random.default_rng(seed)
    figures = {}
    waveforms = [full_scale_waveform(clip.path) for clip in clips]
    for seconds in CROPS_S:
        n_samples = round(seconds * SAMPLE_RATE)
        long_enough = [n for n, waveform in enumerate(waveforms) if len(waveform) >= n_samples]
        figures[f"{seconds:g}"] = _accuracy(
            classify,
            (loudest_stretch(waveforms[n], n_samples) for n in long_enough),
            [clips[n].label for n in long_enough],
            [clips[n].group for n in long_enough],
            f"crops of {seconds:g} s",
        )
    threats = [clip for clip in clips if clip.label is not Label.CASUAL]
    if not recordings or not threats:
        return figures
    for seconds, count in EMBEDDED_S.items():
        chosen = [threats[n] for n in rng.permutation(len(threats))[:count]]
        figures[f"{seconds:g}"] = _accuracy(
            classify,
            _long_recordings(chosen, recordings, seconds, rng),
            [label for clip in chosen for label in (clip.label, Label.CASUAL)],
            [group for n, clip in enumerate(chosen) for group in (clip.group, f"casual {n}")],
            f"recordings of {seconds:g} s",
        )
    return figures


def _long_recordings(
    threats: Sequence[LabeledClip],
    recordings: Sequence[AmbientRecording],
    seconds: float,
    rng: np.random.Generator,
) -> Iterator[Floats]:
    """For each threat, a recording that holds it and then one that holds none."""
    for clip in threats:
        background, event = _stretch_of(recordings, seconds, rng), _event_of(clip)
        start = int(rng.integers(len(background) - len(event)))
        yield add_event(background, event, start, SNR_DB)
        yield _stretch_of(recordings, seconds, rng)


def _accuracy(
    classify: Classify,
    waveforms: Iterator[Floats],
    labels: Sequence[Label],
    groups: Sequence[str],
    what: str,
) -> dict[str, Any]:
    shown = progress(classify(waveforms), what, total=len(labels))
    right = [scores.label is label for scores, label in zip(shown, labels, strict=True)]
    if not right:
        return {"clips": 0, "accuracy": None}
    return {
        "clips": len(right),
        "accuracy": sum(right) / len(right),
        "interval": share_interval(right, groups),
        "recall": {
            str(label): float(
                np.mean([r for r, of in zip(right, labels, strict=True) if of is label])
            )
            for label in LABELS
            if label in labels
        },
    }


def _event_of(clip: LabeledClip) -> Floats:
    waveform = full_scale_waveform(clip.path)
    loudest = loudest_stretch(waveform, round(EVENT_S[clip.label] * SAMPLE_RATE))
    trimmed: Floats
    trimmed, _ = librosa.effects.trim(loudest, top_db=TRIM_DB, frame_length=512, hop_length=128)
    return trimmed


def _stretch_of(
    recordings: Sequence[AmbientRecording], seconds: float, rng: np.random.Generator
) -> Floats:
    """So many seconds of casual recordings: of one, or of several that are too short alone."""
    casual = [recording for recording in recordings if recording.label is Label.CASUAL]
    parts, missing_s = [], seconds
    for n in rng.permutation(len(casual)):
        taken_s = min(casual[n].duration_s, missing_s)
        start_s = float(rng.uniform(0, casual[n].duration_s - taken_s))
        parts.append(casual[n].read(start_s, taken_s))
        missing_s -= taken_s
        if missing_s <= 0:
            break
    return loop_to_length(np.concatenate(parts), round(seconds * SAMPLE_RATE), rng)
