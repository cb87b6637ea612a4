"""How a model version does on hours of everyday sound, and on threats in it.

Each ambient recording is classified in segments as the service would classify clips of it, each
brought to full scale by itself, and long ones as a whole too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from earshot.labels import Label
from training.data.augment import add_event, loudest_stretch
from training.evaluation.ambient import AmbientRecording, pieces
from training.evaluation.progress import progress
from training.evaluation.scores import Classify, Scores, Sound, full_scale_waveform

SEGMENT_S = 10.0
LEAST_SEGMENT_S = 1.0
LONG_S, LEAST_LONG_S = 20 * 60.0, 10 * 60.0
MIXED_SNRS_DB = (10, 5, 0)
BACKGROUNDS_EACH = 3  # ambient segments that each gunshot is mixed into
EVENT_S = 1.0


class Segment(NamedTuple):
    """A stretch of an ambient recording, and what was found in it."""

    recording: AmbientRecording
    start_s: float
    duration_s: float
    scores: Scores


class Positive(NamedTuple):
    """A clip that holds a threat, and what was found in it.

    Attributes:
        label: that it holds.
        origin: where it is from, such as the name of a folder.
        group: clips of one group are of one recording.
        scores: of the clip.
    """

    label: Label
    origin: str
    group: str
    scores: Scores


class Threat(NamedTuple):
    """A clip of a threat to be found; see `Positive`."""

    label: Label
    origin: str
    group: str
    sound: Sound


@dataclass(frozen=True)
class Everyday:
    """What was found in everyday sound and in clips of threats.

    Attributes:
        segments: of all ambient recordings, whatever their label.
        long: pieces of 10 to 20 minutes of casual recordings, each classified as one clip.
        positives: threats as they are.
        mixed: gunshots mixed into casual segments, by signal to noise in dB.
    """

    segments: list[Segment] = field(default_factory=list)
    long: list[Segment] = field(default_factory=list)
    positives: list[Positive] = field(default_factory=list)
    mixed: dict[int, list[Positive]] = field(default_factory=dict)

    @property
    def casual(self) -> list[Segment]:
        """Segments without a threat: every alert of theirs is a false one."""
        return [s for s in self.segments if s.recording.label is Label.CASUAL]

    @property
    def apart(self) -> list[Segment]:
        """Segments of kinds that some would call a threat."""
        return [s for s in self.segments if s.recording.label is None]


def classify_everyday(
    classify: Classify,
    recordings: Sequence[AmbientRecording],
    positives: Iterable[Threat],
    seed: int = 0,
) -> Everyday:
    """Classify ambient recordings, threats, and gunshots mixed into the ambience.

    Args:
        classify: gives the scores of waveforms.
        recordings: of an ambient folder.
        positives: threats that are not in the ambient folder.
        seed: of the mixtures.
    """
    threats = [*positives, *_ambient_threats(recordings)]
    found = Everyday()
    for segment in _classified_ambience(classify, recordings):
        longer = segment.duration_s > SEGMENT_S
        (found.long if longer else found.segments).append(segment)
    found.positives.extend(_classified(classify, threats, [t.sound for t in threats], "threats"))
    gunshots = [threat for threat in threats if threat.label is Label.GUNSHOT]
    if not gunshots or not found.casual:
        return found
    mixtures = _Mixtures.drawn(gunshots, found.casual, np.random.default_rng(seed))
    for snr_db in MIXED_SNRS_DB:
        sounds = mixtures.at(snr_db)
        what = f"gunshots at {snr_db} dB"
        found.mixed[snr_db] = list(_classified(classify, mixtures.gunshots, sounds, what))
    return found


def stretch(segment: Segment) -> Floats:
    """Waveform of a segment."""
    return segment.recording.read(segment.start_s, segment.duration_s)


def _classified_ambience(
    classify: Classify, recordings: Sequence[AmbientRecording]
) -> Iterator[Segment]:
    """Short segments of all recordings, and long ones of those that are casual."""
    places: list[tuple[AmbientRecording, float, float]] = []

    def waveforms() -> Iterator[Floats]:
        for recording in progress(recordings, "everyday sound"):
            waveform = recording.read()
            cuts = pieces(waveform, SEGMENT_S, LEAST_SEGMENT_S)
            if recording.label is Label.CASUAL:
                cuts = chain(cuts, pieces(waveform, LONG_S, LEAST_LONG_S))
            for start_s, piece in cuts:
                places.append((recording, start_s, len(piece) / SAMPLE_RATE))
                yield piece

    for n, scores in enumerate(classify(waveforms())):
        yield Segment(*places[n], scores)


def _ambient_threats(recordings: Sequence[AmbientRecording]) -> Iterator[Threat]:
    """Clips of threats among the ambient recordings: as a table cuts them, or else segments."""
    for recording in recordings:
        if recording.label in (None, Label.CASUAL):
            continue
        waveform = recording.read()
        if not recording.cuts:
            for _, piece in pieces(waveform, SEGMENT_S, LEAST_SEGMENT_S):
                yield Threat(recording.label, recording.kind, recording.path.name, piece)
        for cut in recording.cuts:
            start = round(cut.start_s * SAMPLE_RATE)
            piece = waveform[start : start + round(cut.duration_s * SAMPLE_RATE)]
            yield Threat(recording.label, recording.kind, cut.recording, piece)


def _classified(
    classify: Classify,
    threats: Sequence[Threat],
    sounds: Iterable[Sound],
    what: str,
) -> Iterator[Positive]:
    found = progress(classify(sounds), what, total=len(threats))
    for threat, scores in zip(threats, found, strict=True):
        yield Positive(threat.label, threat.origin, threat.group, scores)


class _Mixtures(NamedTuple):
    """Gunshots that are to be mixed into casual segments.

    Attributes:
        gunshots: each as often as it is mixed into something.
        events: the loudest second of each.
        backgrounds: to mix them into.
        starts: sample of the background at which each begins.
    """

    gunshots: list[Threat]
    events: list[Floats]
    backgrounds: list[Floats]
    starts: list[int]

    @classmethod
    def drawn(
        cls, gunshots: Sequence[Threat], casual: Sequence[Segment], rng: np.random.Generator
    ) -> _Mixtures:
        """Each gunshot with a few casual segments; those of full length, if there are any."""
        whole = [segment for segment in casual if segment.duration_s == SEGMENT_S] or casual
        mixtures = cls([], [], [], [])
        for gunshot in gunshots:
            waveform = full_scale_waveform(gunshot.sound)
            for n in rng.integers(len(whole), size=BACKGROUNDS_EACH):
                background = stretch(whole[n])
                length = min(round(EVENT_S * SAMPLE_RATE), len(background))
                event = loudest_stretch(waveform, length)
                mixtures.gunshots.append(gunshot)
                mixtures.events.append(event)
                mixtures.backgrounds.append(background)
                mixtures.starts.append(int(rng.integers(len(background) - len(event) + 1)))
        return mixtures

    def at(self, snr_db: float) -> Iterator[Floats]:
        """The mixtures: the gunshot's mean power over its second stands `snr_db` above that of
        the whole segment."""
        for event, background, start in zip(
            self.events, self.backgrounds, self.starts, strict=True
        ):
            yield add_event(background, event, start, snr_db)
