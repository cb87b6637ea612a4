"""Alarms that are synthesised because no free package has enough of them, and harmless tones.

Real sirens and alarms are electronic or simple machines, so their sound follows from a pitch
contour, a waveform and the horn it leaves; smoke and carbon monoxide alarms keep the temporal
patterns of ISO 8201 and NFPA 72. Everything here goes through the same horns, rooms and background
noise, tones of no alarm among them, so that those traces say nothing about the label.

Bells are left out: those of alarms and of telephones differ in their pauses only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from earshot.audio.log_mel import SAMPLE_RATE

LICENCE = "Apache-2.0"  # they are this repository's own
VARIANTS = 6  # of each kind

Floats = NDArray[np.float64]
Rng = np.random.Generator


@dataclass(frozen=True)
class Tone:
    """One synthesised clip; `kind` is what made it, and its variants are alike."""

    label: str
    kind: str
    name: str
    waveform: NDArray[np.float32]


def tones() -> Iterator[Tone]:
    """All of them, the same each time."""
    for label, kinds in (("siren", ALARMS), ("casual", HARMLESS)):
        for kind, make in kinds.items():
            for variant in range(VARIANTS):
                rng = np.random.default_rng([*kind.encode(), variant])
                seconds = rng.uniform(3.0, 8.0)
                times = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
                waveform = _heard(make(times, rng), rng)
                yield Tone(label, kind, f"{kind}{variant + 1}", waveform.astype(np.float32))


def _heard(source: Floats, rng: Rng) -> Floats:
    """The source as a microphone somewhere would record it: horn, way, room and noise."""
    low, high = rng.uniform(150, 500), rng.uniform(3000, 7500)
    horn = signal.butter(2, [low, high], "bandpass", fs=SAMPLE_RATE, output="sos")
    sound = signal.sosfilt(horn, source)
    decay_s = rng.uniform(0.05, 0.8)
    n_room = int(decay_s * SAMPLE_RATE)
    room = rng.standard_normal(n_room) * np.exp(-6.9 * np.arange(n_room) / n_room)
    room *= rng.uniform(0.05, 0.5) / np.sqrt(np.sum(room**2))
    room[0] += 1.0
    sound = signal.fftconvolve(sound, room)[: len(source)]
    sound /= np.sqrt(np.mean(sound**2)) + 1e-9
    noise = signal.lfilter([1.0], [1.0, -rng.uniform(0.0, 0.97)], rng.standard_normal(len(source)))
    noise /= np.sqrt(np.mean(noise**2))
    mixed = sound + noise * 10 ** (-rng.uniform(10, 40) / 20)
    return np.asarray(rng.uniform(0.2, 0.9) * mixed / np.abs(mixed).max())


def _wave(pitch: Floats | float, times: Floats, edge: float) -> Floats:
    """A tone of a varying pitch, from a sine (`edge` 0) towards a square wave (`edge` 10)."""
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(pitch, times.shape)) / SAMPLE_RATE
    return np.asarray(np.tanh((0.3 + edge) * np.sin(phase)))


def _triangle(times: Floats, period_s: float) -> Floats:
    return np.abs((times / period_s) % 1.0 * 2 - 1)


def _gate(times: Floats, on_off_s: list[float]) -> Floats:
    """1 and 0 in turn for the given seconds, over and over, with edges of some 3 ms."""
    within = times % sum(on_off_s)
    ends = np.cumsum(on_off_s)
    is_on = (np.searchsorted(ends, within, side="right") % 2 == 0).astype(float)
    return np.asarray(np.convolve(is_on, np.ones(48) / 48, "same"))


def _sweep(period: tuple[float, float]) -> Callable[[Floats, Rng], Floats]:
    """Wail, yelp and the like: the pitch goes up and down between two limits."""

    def make(times: Floats, rng: Rng) -> Floats:
        low, high = rng.uniform(450, 750), rng.uniform(1150, 1700)
        curve = _triangle(times + rng.uniform(0, 5), rng.uniform(*period)) ** rng.uniform(0.6, 1.4)
        return _wave(low + (high - low) * curve, times, rng.uniform(0.5, 8))

    return make


def _two_tone(times: Floats, rng: Rng) -> Floats:
    low = rng.uniform(360, 660)
    high = low * rng.choice([1.19, 1.26, 1.335, 1.5])
    is_high = (times / rng.uniform(0.4, 0.75)) % 2 >= 1
    return _wave(np.where(is_high, high, low), times, rng.uniform(1, 8))


def _air_raid(times: Floats, rng: Rng) -> Floats:
    """A rotor that runs up and down, two rows of ports at once."""
    rise_s = rng.uniform(1.5, 3.5)
    speed = 1 - np.exp(-times / rise_s)
    stop_s = rng.uniform(0.55, 1.2) * times[-1]
    running_down = np.clip(times - stop_s, 0, None)
    pitch = rng.uniform(380, 560) * speed * np.exp(-running_down / (2.5 * rise_s))
    edge = rng.uniform(1, 4)
    ports = rng.choice([1.2, 1.25, 1.333])
    rotor = _wave(pitch, times, edge) + 0.7 * _wave(pitch * ports, times, edge)
    return np.asarray(rotor * speed)


def _slow_whoop(times: Floats, rng: Rng) -> Floats:
    period_s = rng.uniform(2.5, 4.0)
    within = times % period_s
    sweep_s = period_s - 0.5
    pitch = 500 + rng.uniform(500, 700) * np.clip(within / sweep_s, 0, 1)
    return _wave(pitch, times, rng.uniform(0.5, 6)) * (within < sweep_s)


def _smoke_alarm(times: Floats, rng: Rng) -> Floats:
    gate = _gate(times, [0.5, 0.5, 0.5, 0.5, 0.5, 1.5])
    return _wave(rng.uniform(2800, 3400), times, rng.uniform(0, 2)) * gate


def _co_alarm(times: Floats, rng: Rng) -> Floats:
    gate = _gate(times, [0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, rng.uniform(1.0, 5.0)])
    return _wave(rng.uniform(2800, 3400), times, rng.uniform(0, 2)) * gate


def _fire_horn(times: Floats, rng: Rng) -> Floats:
    """A sounder of a building: the low 520 Hz square wave or a harsh horn, in a pattern."""
    pitch = rng.choice([520.0, rng.uniform(400, 600), rng.uniform(2200, 2700)])
    pattern = [[0.5, 0.5, 0.5, 0.5, 0.5, 1.5], [0.25, 0.25], [0.5, 0.5], [60.0, 0.1]]
    return _wave(pitch, times, 10) * _gate(times, pattern[rng.integers(len(pattern))])


def _warble(times: Floats, rng: Rng) -> Floats:
    """Burglar and evacuation sounders: two tones, several times a second."""
    low = rng.uniform(600, 2400)
    is_high = (times * rng.uniform(2, 9)) % 1 >= 0.5
    return _wave(np.where(is_high, low * rng.uniform(1.15, 1.4), low), times, rng.uniform(2, 10))


def _car_alarm(times: Floats, rng: Rng) -> Floats:
    """Six sounds in turn, as the usual siren in an engine bay makes them."""
    turn_s = rng.uniform(1.2, 2.2)
    sounds = [
        _sweep((0.2, 0.3))(times, rng),
        _sweep((0.8, 1.6))(times, rng),
        _two_tone(times, rng),
        _warble(times, rng),
        _wave(700 + 1000 * ((times * 3) % 1), times, 4),
        _wave(1700 - 1000 * ((times * 3) % 1), times, 4),
    ]
    turn = ((times / turn_s).astype(int) + rng.integers(6)) % len(sounds)
    return np.choose(turn, sounds)


def _mains_tones(
    first: float, second: float, on_off_s: list[float]
) -> Callable[[Floats, Rng], Floats]:
    """What telephone exchanges play."""

    def make(times: Floats, rng: Rng) -> Floats:
        tone = np.sin(2 * np.pi * first * times) + np.sin(2 * np.pi * second * times)
        return np.asarray(tone) * _gate(times + rng.uniform(0, 2), on_off_s)

    return make


def _melody(times: Floats, rng: Rng) -> Floats:
    """Notes of a major scale, as rings of telephones and simple instruments have them."""
    note_s = rng.uniform(0.12, 0.5)
    scale = 2 ** (np.array([0, 2, 4, 5, 7, 9, 11, 12]) / 12) * rng.uniform(220, 700)
    notes = rng.choice(scale, size=int(times[-1] / note_s) + 1)
    pitch = notes[(times / note_s).astype(int)]
    fading = np.exp(-(times % note_s) / rng.uniform(0.08, 1.0))
    return _wave(pitch, times, rng.uniform(0, 6)) * fading


def _chords(times: Floats, rng: Rng) -> Floats:
    """Held chords, as of an organ."""
    root = rng.uniform(110, 330) * 2 ** (rng.integers(-4, 5, 12) / 12)
    pitch = root[(times / rng.uniform(0.8, 2.0)).astype(int) % len(root)]
    return np.asarray(sum(_wave(pitch * step, times, rng.uniform(0, 3)) for step in (1, 1.26, 1.5)))


def _engine(times: Floats, rng: Rng) -> Floats:
    """A motor at changing speed: low and rough, or it would be a siren."""
    revs = 1 + rng.uniform(0.1, 0.6) * _triangle(times + rng.uniform(0, 9), rng.uniform(3, 9))
    pitch = rng.uniform(20, 50) * revs
    return _wave(pitch, times, 10) * (1 + 0.5 * _wave(pitch / 2, times, 1))


def _hum(times: Floats, rng: Rng) -> Floats:
    return _wave(rng.choice([50.0, 60.0, 100.0, 120.0, 400.0]), times, rng.uniform(0, 10))


ALARMS: dict[str, Callable[[Floats, Rng], Floats]] = {
    "wail": _sweep((2.5, 6.0)),
    "yelp": _sweep((0.25, 0.5)),
    "two-tone": _two_tone,
    "air-raid": _air_raid,
    "slow-whoop": _slow_whoop,
    "smoke-alarm": _smoke_alarm,
    "co-alarm": _co_alarm,
    "fire-horn": _fire_horn,
    "warble": _warble,
    "car-alarm": _car_alarm,
}
HARMLESS: dict[str, Callable[[Floats, Rng], Floats]] = {
    "dial-tone": _mains_tones(350, 440, [60.0, 0.1]),
    "busy-tone": _mains_tones(480, 620, [0.5, 0.5]),
    "ringing-tone": _mains_tones(440, 480, [1.5, 2.5]),
    "melody": _melody,
    "chords": _chords,
    "engine": _engine,
    "hum": _hum,
}
