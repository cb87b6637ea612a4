"""Sounds for the measurement of mutes: false alarms, their repeats, and threats.

The released model raises few false alarms, so those casual segments count as false alarms that
come nearest to one: all logits of threats are raised until there are some hundreds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np

from earshot.audio.clip import full_scale_gain
from earshot.audio.log_mel import PATCH_S, SAMPLE_RATE, Floats
from earshot.errors import RejectedClipError
from earshot.labels import LABELS, Label
from earshot.model.events import predict
from earshot.model.head import Head, Logits
from earshot.yamnet.embedding import embed
from earshot.yamnet.flatbuffer import Yamnet
from training.data.augment import add_event, add_noise, colored_noise, loudest_stretch
from training.data.labeled_clips import LabeledClip
from training.evaluation.ambient import AmbientRecording, Cut, pieces
from training.evaluation.progress import progress
from training.evaluation.scores import full_scale_waveform

SEGMENT_S = 10.0
SNRS_DB = (10, 5, 0)
# What the same sound may be the next time, at the same microphone or another.
ALTERATIONS = (
    *("begun 0.2 s later", "begun 1 s later"),
    *("26 dB lower", "noise at 20 dB", "another microphone"),
)
OTHER = "other segments of a recording"
_EVENT_S = {Label.GUNSHOT: 1.0, Label.EXPLOSION: 2.0, Label.SIREN: 4.0}
_SAME_TIME_S = 1e-3


class AlarmEvent(NamedTuple):
    """An event that would raise an alert.

    Attributes:
        label: of the event.
        best: ``(1024,)`` embedding of its best patch.
        mean: ``(1024,)`` of all its patches.
        around: ``(n, 1024)`` the best patch, and those before and after it.
        start_s, end_s: where it is.
    """

    label: Label
    best: Floats
    mean: Floats
    around: Floats
    start_s: float = 0.0
    end_s: float = 0.0

    def overlaps(self, start_s: float, end_s: float) -> bool:
        """Whether some of it lies between two times."""
        return self.start_s < end_s and self.end_s > start_s


class FalseAlarm(NamedTuple):
    """A casual segment that comes near to a false alarm.

    Attributes:
        stream, start_s, duration_s: the file, and where in it the segment lies.
        recording: that it is of.
        events: that raise the alarm.
    """

    stream: AmbientRecording
    start_s: float
    duration_s: float
    recording: str
    events: list[AlarmEvent]

    def read(self) -> Floats:
        """Waveform of the segment."""
        return self.stream.read(self.start_s, self.duration_s)


class Repeat(NamedTuple):
    """The sound of a false alarm, once more; `of` is the false alarm's number."""

    of: int
    kind: str
    events: list[AlarmEvent]


class ThreatAlarm(NamedTuple):
    """A threat that raises an alert.

    Attributes:
        label: that it holds.
        origin: folder; or the signal-to-noise ratio at which it was mixed into a false alarm.
        of: number of that false alarm; None if it is not mixed.
        events: of its label, one of which is where the threat is.
    """

    label: Label
    origin: str
    of: int | None
    events: list[AlarmEvent]


@dataclass(frozen=True)
class Detector:
    """YAMNet, and a head by which events are found.

    Attributes:
        yamnet, head: of the version.
        uncertain: events of uncertain clips count, too.
    """

    yamnet: Yamnet
    head: Head
    uncertain: bool = False

    def lowered(self, by: float) -> Detector:
        """With thresholds that are lower by so much, in logits."""
        raised = self.head.bias_1 + np.float32(by) * np.array(
            [label is not Label.CASUAL for label in LABELS], np.float32
        )
        return Detector(self.yamnet, replace(self.head, bias_1=raised), uncertain=True)

    def events(self, waveform: Floats) -> list[AlarmEvent]:
        """Events of a waveform that would raise an alert."""
        at_full_scale = waveform * full_scale_gain(float(np.abs(waveform).max(initial=0)))
        batches = list(embed([at_full_scale.astype(np.float32)], self.yamnet))
        starts = np.concatenate([batch.starts for batch in batches])
        embeddings = np.concatenate([batch.embeddings for batch in batches])
        logits = self.head.logits([self.head.blocks(b.embeddings, b.scores) for b in batches])
        found = predict(self.head, logits, starts, len(waveform) / SAMPLE_RATE)
        if found.uncertain and not self.uncertain:
            return []
        return [
            _alarm_event(event.label, (event.start_s, event.end_s), starts, embeddings, logits)
            for event in found.events
            if self.uncertain
            or event.confidence >= self.head.alert_thresholds[event.label.class_id]
        ]


def _alarm_event(
    label: Label,
    between_s: tuple[float, float],
    starts: Floats,
    embeddings: Floats,
    logits: Logits,
) -> AlarmEvent:
    """An event as classify embeds it: of the patches within it, the one most like its label."""
    first_s, last_s = between_s[0], max(between_s[0], between_s[1] - PATCH_S)
    within = (starts >= first_s - _SAME_TIME_S) & (starts <= last_s + _SAME_TIME_S)
    scores = np.where(within, logits.patches[:, label.class_id], -np.inf)
    best = int(scores.argmax())
    return AlarmEvent(
        label,
        embeddings[best],
        embeddings[within].mean(axis=0),
        embeddings[max(0, best - 1) : best + 2],
        *between_s,
    )


def false_alarms(
    detector: Detector, recordings: Sequence[AmbientRecording], wanted: int
) -> Iterator[FalseAlarm]:
    """Casual segments that raise an alarm, at most so many of them, evenly from all recordings."""
    found = []
    for stream in progress(recordings, "everyday sound"):
        waveform = stream.read()
        for cut in stream.cuts or [Cut(stream.path.name, 0.0, len(waveform) / SAMPLE_RATE)]:
            first = round(cut.start_s * SAMPLE_RATE)
            of_cut = waveform[first : first + round(cut.duration_s * SAMPLE_RATE)]
            for start_s, piece in pieces(of_cut, SEGMENT_S, 1.0):
                if events := detector.events(piece):
                    place = (stream, cut.start_s + start_s, len(piece) / SAMPLE_RATE)
                    found.append(FalseAlarm(*place, f"{stream.path.name} {cut.recording}", events))
    step = max(1.0, len(found) / wanted)
    return (found[int(k * step)] for k in range(min(wanted, len(found))))


def repeats(
    detector: Detector, alarms: Sequence[FalseAlarm], rng: np.random.Generator
) -> Iterator[Repeat]:
    """Repeats of false alarms, those that raise an alarm themselves."""
    for n, alarm in enumerate(progress(alarms, "repeats")):
        for kind, waveform in altered(alarm.read(), rng):
            if len(waveform) >= SAMPLE_RATE and (events := detector.events(waveform)):
                yield Repeat(n, kind, events)
        for other in alarms:
            if other.recording == alarm.recording and other is not alarm:
                yield Repeat(n, OTHER, other.events)


def altered(waveform: Floats, rng: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    """What a sound may be the next time, of each kind of `ALTERATIONS`."""
    yield ALTERATIONS[0], waveform[SAMPLE_RATE // 5 :]
    yield ALTERATIONS[1], waveform[SAMPLE_RATE:]
    peak = max(float(np.abs(waveform).max(initial=0)), 1e-6)
    quiet = np.round(waveform / peak * 0.05 * 32767) / np.float32(32767)
    yield ALTERATIONS[2], quiet.astype(np.float32)
    yield ALTERATIONS[3], add_noise(waveform, colored_noise(len(waveform), 1.0, rng), 20)
    yield ALTERATIONS[4], _other_microphone(waveform, rng)


def _other_microphone(waveform: Floats, rng: np.random.Generator) -> Floats:
    """With another frequency response, some dB up and down over six bands."""
    hz = np.maximum(np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE), 20.0)
    bands = np.log([60, 250, 800, 2000, 4000, 7900])
    gain_db = np.interp(np.log(hz), bands, rng.normal(0, 3, len(bands)))
    spectrum = np.fft.rfft(waveform) * 10 ** (gain_db / 20)
    return np.fft.irfft(spectrum, len(waveform)).astype(np.float32)


def threats(
    detector: Detector,
    clips: Sequence[LabeledClip],
    alarms: Sequence[FalseAlarm],
    backgrounds_each: int,
    rng: np.random.Generator,
) -> Iterator[ThreatAlarm]:
    """Threats that raise an alert, as they are and mixed into false alarms.

    An alert of a mixture counts that has an event of the threat's label where the threat is, unless
    the false alarm alone raises such an alert there.
    """

    @cache
    def alone(n: int) -> list[AlarmEvent]:
        return detector.events(alarms[n].read())

    def of_label(events: Sequence[AlarmEvent], label: Label) -> list[AlarmEvent]:
        return [event for event in events if event.label is label]

    for clip in progress(clips, "threats"):
        try:
            waveform = full_scale_waveform(clip.path)
        except RejectedClipError:
            continue
        if events := of_label(detector.events(waveform), clip.label):
            yield ThreatAlarm(clip.label, clip.kind, None, events)
        event = loudest_stretch(waveform, int(_EVENT_S[clip.label] * SAMPLE_RATE))
        for n in rng.choice(len(alarms), backgrounds_each, replace=False):
            alarm = alarms[int(n)]
            background = alarm.read()
            if len(background) <= len(event):
                continue
            start = int(rng.integers(len(background) - len(event)))
            place = start / SAMPLE_RATE, (start + len(event)) / SAMPLE_RATE
            if any(one.overlaps(*place) for one in of_label(alone(int(n)), clip.label)):
                continue
            for snr_db in SNRS_DB:
                mixed = detector.events(add_event(background, event, start, snr_db))
                events = of_label(mixed, clip.label)
                if any(one.overlaps(*place) for one in events):
                    yield ThreatAlarm(clip.label, f"at {snr_db} dB", int(n), events)
