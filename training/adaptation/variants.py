"""Variants of a clip: what other microphones, rooms, levels and surroundings make of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from earshot.audio.clip import full_scale_gain
from earshot.audio.log_mel import SAMPLE_RATE, Floats
from training.data.augment import (
    EVENT,
    NOISY,
    AugmentConfig,
    add_event,
    augment,
    colored_noise,
    event_in_background,
    long_crop,
    loop_to_length,
    loudest_stretch,
    short_crop,
)

SEGMENT_S = 10.0
# A serving clip stands at full scale; training is not to rely on that to the decibel.
LEVEL_JITTER_DB = (-12.0, 0.0)
# White noise that is louder than the quantization noise of 98 % of SESA's clips at full scale. That
# is as loud as a clip was recorded softly, which says something about its label.
EQUALIZING_NOISE_DB = -34.0
_SNR_DB = (-2.0, 20.0)  # of an event in a longer recording
_FLOOR_DB = (-75.0, -25.0)  # of a recording's noise, below the event at full scale
_FASTEST_ROLL_OFF = 2.0  # of the power of noise per octave, as an exponent: brown
_SLOWEST_HZ, _FASTEST_HZ = 1.5, 40.0  # of knocks that are repeated


class Variant(NamedTuple):
    """A waveform to learn from, and when in it the clip's event is.

    Attributes:
        waveform: of the variant.
        event_s: start and end, of an event in a longer recording; None where no one knows.
    """

    waveform: Floats
    event_s: tuple[float, float] | None = None


@dataclass(frozen=True)
class Variants:
    """How many variants of each clip are made.

    Attributes:
        augmented: as through another microphone, room and codec.
        noisy: in noise.
        short: 0.1 to 1.5 s around the loudest moment.
        events: the loudest second in a casual recording hardly longer.
        mixed: the loudest moment somewhere in up to 10 s of a casual recording.
        floors: the loudest moment somewhere in up to 10 s of quiet noise.
        repeated: the loudest moment again and again, as of a jackhammer or a sewing machine.
    """

    augmented: int = 0
    noisy: int = 0
    short: int = 0
    events: int = 0
    mixed: int = 0
    floors: int = 0
    repeated: int = 0


def vary(
    waveform: Floats, backgrounds: Sequence[Floats], variants: Variants, rng: np.random.Generator
) -> Iterator[Variant]:
    """Variants of a clip, at levels that vary too; those with a background only if there is one."""
    for config, count in ((AugmentConfig(), variants.augmented), (NOISY, variants.noisy)):
        for _ in range(count):
            varied = augment(long_crop(waveform, rng), backgrounds, rng, config)
            yield Variant(at_varied_level(varied, rng))
    for _ in range(variants.short):
        cropped = short_crop(waveform, rng)
        if rng.random() < 0.5:
            cropped = augment(cropped, backgrounds, rng)
        yield Variant(at_full_scale(cropped))
    for _ in range(variants.events if backgrounds else 0):
        of_event = event_in_background(waveform, _one_of(backgrounds, rng), rng)
        yield Variant(at_varied_level(of_event, rng))
    for _ in range(variants.mixed if backgrounds else 0):
        yield mixed_in(waveform, _one_of(backgrounds, rng), rng)
    for _ in range(variants.floors):
        yield on_floor(waveform, rng)
    for _ in range(variants.repeated):
        yield Variant(at_varied_level(repeated(waveform, rng), rng))


def mixed_in(waveform: Floats, background: Floats, rng: np.random.Generator) -> Variant:
    """The loudest 0.3 to 2 s somewhere in 5 to 10 s of another recording."""
    event = augment(
        loudest_stretch(waveform, int(rng.uniform(0.3, 2.0) * SAMPLE_RATE)), [], rng, EVENT
    )
    recording = loop_to_length(background, int(rng.uniform(5.0, SEGMENT_S) * SAMPLE_RATE), rng)
    start = int(rng.integers(0, len(recording) - len(event)))
    mixed = add_event(recording, event, start, float(rng.uniform(*_SNR_DB)))
    return Variant(at_varied_level(mixed, rng), _seconds(start, len(event)))


def on_floor(waveform: Floats, rng: np.random.Generator) -> Variant:
    """The loudest 0.2 to 3 s at full scale somewhere in 4 to 10 s of quiet noise of any color."""
    event = at_full_scale(loudest_stretch(waveform, int(rng.uniform(0.2, 3.0) * SAMPLE_RATE)))
    n_samples = int(rng.uniform(4.0, SEGMENT_S) * SAMPLE_RATE)
    floor = colored_noise(n_samples, float(rng.uniform(-0.5, _FASTEST_ROLL_OFF)), rng)
    floor *= np.float32(10 ** (rng.uniform(*_FLOOR_DB) / 20))
    start = int(rng.integers(0, n_samples - len(event)))
    floor[start : start + len(event)] += event
    return Variant(at_full_scale(floor), _seconds(start, len(event)))


def repeated(waveform: Floats, rng: np.random.Generator) -> Floats:
    """The loudest moment 1.5 to 40 times a second, for 2 to 10 s: no threat, if it is none once."""
    period = SAMPLE_RATE / float(np.exp(rng.uniform(np.log(_SLOWEST_HZ), np.log(_FASTEST_HZ))))
    n_event = int(np.clip(rng.uniform(0.6, 1.5) * period, 160, 0.25 * SAMPLE_RATE))
    event = at_full_scale(loudest_stretch(waveform, n_event))
    decay = np.exp(-np.arange(len(event)) / (len(event) * rng.uniform(0.2, 1.5)))
    event = (event * decay).astype(np.float32)
    n_samples = int(rng.uniform(2.0, SEGMENT_S) * SAMPLE_RATE)
    result = colored_noise(n_samples, float(rng.uniform(-0.5, _FASTEST_ROLL_OFF)), rng)
    result *= np.float32(10 ** (rng.uniform(-60.0, -20.0) / 20))
    jitter = float(rng.choice([0.0, 0.02, 0.1]))
    position = rng.uniform(0.0, period)
    while position < n_samples - len(event):
        begin = max(0, int(position))
        result[begin : begin + len(event)] += event * np.float32(10 ** (rng.uniform(-4, 0) / 20))
        position += period * max(0.2, 1 + jitter * rng.standard_normal())
    return augment(result, [], rng) if rng.random() < 0.5 else result


def held_out_variants(
    waveform: Floats, backgrounds: Sequence[Floats], rng: np.random.Generator
) -> dict[str, Floats]:
    """Variants that nothing is fitted on.

    One through another microphone, one in noise, and the whole clip with its noise floor made like
    that of any other: see `EQUALIZING_NOISE_DB`.
    """
    augmented = augment(long_crop(waveform, rng), backgrounds, rng)
    noisy = augment(long_crop(waveform, rng), backgrounds, rng, NOISY)
    return {
        "augmented": at_varied_level(augmented, rng),
        "noisy": at_varied_level(noisy, rng),
        "equalized": noise_equalized(waveform, rng),
    }


def noise_equalized(waveform: Floats, rng: np.random.Generator) -> Floats:
    """The clip at full scale, with white noise of one loudness that covers its own floor."""
    amplitude = 10 ** (EQUALIZING_NOISE_DB / 20)
    noise = amplitude * rng.standard_normal(len(waveform), dtype=np.float32)
    return at_full_scale(at_full_scale(waveform) + noise)


def segments(waveform: Floats) -> Iterator[Floats]:
    """A recording in pieces of 10 s, each brought to full scale as a clip of its own.

    What is under 3 s at its end is left out, and so is silence.
    """
    size = int(SEGMENT_S * SAMPLE_RATE)
    for begin in range(0, len(waveform), size):
        piece = waveform[begin : begin + size]
        if begin and len(piece) < 3 * SAMPLE_RATE:
            return
        if np.abs(piece).max(initial=0) > 1e-4:
            yield at_full_scale(piece)


def steady_noise(rng: np.random.Generator) -> Floats:
    """Stationary noise of any color, band and level, some with hum: it is no threat."""
    n_samples = int(rng.uniform(0.5, SEGMENT_S) * SAMPLE_RATE)
    noise = colored_noise(n_samples, float(rng.uniform(-1.0, 2.5)), rng)
    seconds = np.arange(n_samples) / SAMPLE_RATE
    if rng.random() < 0.3:
        spectrum, hertz = np.fft.rfft(noise), np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
        low = rng.uniform(20.0, 3000.0)
        high = low * 2 ** rng.uniform(0.5, 4.0)
        spectrum /= (1 + (low / np.maximum(hertz, 1.0)) ** 4) * (1 + (hertz / high) ** 4)
        noise = np.fft.irfft(spectrum, n_samples).astype(np.float32)
        noise /= max(float(noise.std()), 1e-6)
    if rng.random() < 0.3:  # it swells, as wind does
        swell = 1 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.05, 1.0) * seconds)
        noise = (noise * swell).astype(np.float32)
    if rng.random() < 0.25:
        mains = float(rng.choice([50.0, 60.0, 100.0, 120.0]))
        for harmonic in range(1, int(rng.integers(2, 12))):
            hum = np.sin(2 * np.pi * harmonic * mains * seconds)
            noise += (rng.uniform(0.0, 2.0) / harmonic * hum).astype(np.float32)
    level_db = rng.uniform(-60.0, 0.0) if rng.random() < 0.5 else 0.0
    return at_full_scale(noise) * np.float32(10 ** (level_db / 20))


def rotors(rng: np.random.Generator) -> Floats:
    """The whirr of a drone or a fan: harmonics of a few rotors, whose speeds wander, in noise."""
    n_samples = int(rng.uniform(2.0, SEGMENT_S) * SAMPLE_RATE)
    knots = int(n_samples / SAMPLE_RATE * rng.uniform(0.5, 4.0)) + 2
    result = colored_noise(n_samples, float(rng.uniform(0.0, 1.5)), rng)
    result *= np.float32(rng.uniform(0.05, 1.0))
    hertz, wander = float(np.exp(rng.uniform(np.log(60), np.log(500)))), rng.uniform(0.002, 0.08)
    roll_off = rng.uniform(0.3, 1.5)
    for _ in range(int(rng.integers(1, 6))):
        speeds = hertz * rng.uniform(0.93, 1.07) * (1 + wander * rng.standard_normal(knots))
        track = np.interp(np.linspace(0, knots - 1, n_samples), np.arange(knots), speeds)
        phase = 2 * np.pi * np.cumsum(track) / SAMPLE_RATE
        for harmonic in range(1, min(20, int(SAMPLE_RATE / 2 / track.max())) + 1):
            gain = rng.uniform(0.2, 1.0) / harmonic**roll_off
            result += (gain * np.sin(harmonic * phase)).astype(np.float32)
    return at_full_scale(result)


def at_full_scale(waveform: Floats) -> Floats:
    """A waveform that was altered, as `Clip` would give it."""
    return waveform * full_scale_gain(float(np.abs(waveform).max(initial=0)))


def at_varied_level(waveform: Floats, rng: np.random.Generator) -> Floats:
    """The waveform up to 12 dB below full scale."""
    return at_full_scale(waveform) * np.float32(10 ** (rng.uniform(*LEVEL_JITTER_DB) / 20))


def _one_of(waveforms: Sequence[Floats], rng: np.random.Generator) -> Floats:
    return waveforms[int(rng.integers(len(waveforms)))]


def _seconds(start: int, n_samples: int) -> tuple[float, float]:
    return start / SAMPLE_RATE, (start + n_samples) / SAMPLE_RATE
