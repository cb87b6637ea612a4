"""Harder clips: labeled clips in noise, and one short event in a long casual recording."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE, Floats
from training.data.augment import (
    add_event,
    add_noise,
    colored_noise,
    loop_to_length,
    loudest_stretch,
)

NOISES = ("white", "pink", "casual")
_EXPONENT = {"white": 0.0, "pink": 1.0}


class Mixture(NamedTuple):
    """One short event in a longer recording; the event lasts from `start_s` to `end_s`."""

    waveform: Floats
    start_s: float
    end_s: float


def in_noise(
    waveform: Floats,
    kind: str,
    snr_db: float,
    backgrounds: Sequence[Floats],
    rng: np.random.Generator,
) -> Floats:
    """The clip in noise, at a signal-to-noise ratio of mean powers over the clip's whole length.

    Args:
        waveform: of the clip.
        kind: one of `NOISES`; ``casual`` is one of `backgrounds`, looped.
        snr_db: signal-to-noise ratio, in dB.
        backgrounds: casual clips, none of them of the clip's recording group.
        rng: chooses the noise.
    """
    if kind == "casual":
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        noise = loop_to_length(background, len(waveform), rng)
    else:
        noise = colored_noise(len(waveform), _EXPONENT[kind], rng)
    return add_noise(waveform, noise, snr_db)


def short_event_mixtures(
    events: Sequence[Floats],
    backgrounds: Sequence[Floats],
    snr_db: float,
    *,
    count: int = 200,
    seconds: float = 30.0,
    seed: int = 3,
) -> list[Mixture]:
    """Mix the loudest second of an event into a casual clip, looped to length.

    Args:
        events: waveforms of clips that hold one, at 16 kHz.
        backgrounds: waveforms of casual clips, at 16 kHz.
        snr_db: mean power of that second over the mean power of the casual clip, in dB.
        count: mixtures to make.
        seconds: length of each.
        seed: of events, backgrounds and places.
    """
    rng = np.random.default_rng(seed)
    mixtures = []
    for _ in range(count):
        event = loudest_stretch(events[int(rng.integers(len(events)))], SAMPLE_RATE)
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        recording = loop_to_length(background, int(seconds * SAMPLE_RATE), rng)
        start = int(rng.uniform(1.0, seconds - 2.0) * SAMPLE_RATE)
        waveform = add_event(recording, event, start, snr_db)
        end_s = (start + len(event)) / SAMPLE_RATE
        mixtures.append(Mixture(waveform, start / SAMPLE_RATE, end_s))
    return mixtures
