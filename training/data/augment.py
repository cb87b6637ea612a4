"""Augmentation of waveforms: other microphones, rooms and backgrounds.

It keeps the head from learning one microphone.

Everything is a pure function of the waveform and a `numpy.random.Generator`. Waveforms are
``(samples,)`` float32 at 16 kHz. No phase vocoder: its artifacts hurt gunshots; speed is changed
by resampling.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from earshot.audio.log_mel import PATCH_SAMPLES, SAMPLE_RATE

_QUIETEST_RMS = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class AugmentConfig:
    """Probability (``p_*``) and strength of each kind of augmentation."""

    p_speed: float = 0.4
    speed: tuple[float, float] = (0.85, 1.18)
    p_equalizer: float = 0.6
    equalizer_db: float = 5.0  # standard deviation of the gain at each node
    p_band_limit: float = 0.3
    low_cut_hz: tuple[float, float] = (30.0, 400.0)
    high_cut_hz: tuple[float, float] = (2_500.0, 7_500.0)
    p_room: float = 0.3
    reverberation_s: tuple[float, float] = (0.08, 0.9)
    direct_to_reverberant_db: tuple[float, float] = (0.0, 18.0)
    p_noise: float = 0.5
    noise_snr_db: tuple[float, float] = (0.0, 25.0)
    peak_db: tuple[float, float] = (-24.0, 0.0)
    p_clipping: float = 0.15
    clipping_db: tuple[float, float] = (3.0, 15.0)
    p_codec: float = 0.4


NOISY = AugmentConfig(
    p_equalizer=0.3,
    equalizer_db=4.0,
    p_band_limit=0.1,
    p_room=0.1,
    p_noise=1.0,
    noise_snr_db=(-6.0, 12.0),
    p_clipping=0.05,
    p_codec=0.1,
)
EVENT = AugmentConfig(
    p_speed=0.3,
    p_equalizer=0.3,
    equalizer_db=4.0,
    p_band_limit=0.1,
    p_room=0.15,
    p_noise=0.0,
    p_clipping=0.05,
    p_codec=0.0,
)


def long_crop(waveform: Floats, rng: np.random.Generator, seconds: float = 10.0) -> Floats:
    """At most ``seconds`` of a clip, with its loudest sample."""
    n_samples = int(seconds * SAMPLE_RATE)
    if len(waveform) <= n_samples:
        return waveform
    loudest = int(np.argmax(np.abs(waveform)))
    earliest = max(0, loudest - n_samples + SAMPLE_RATE // 2)
    latest = min(len(waveform) - n_samples, max(0, loudest - SAMPLE_RATE // 10))
    start = int(rng.integers(earliest, max(earliest, latest) + 1))
    return waveform[start : start + n_samples]


def short_crop(waveform: Floats, rng: np.random.Generator) -> Floats:
    """0.1 to 1.5 s around the loudest sample, as in trimmed sound effects."""
    n_samples = int(rng.uniform(0.1, 1.5) * SAMPLE_RATE)
    loudest = int(np.argmax(np.abs(waveform)))
    start = max(0, loudest - int(rng.uniform(0.05, 0.5) * n_samples))
    return waveform[start : start + n_samples]


def loudest_stretch(waveform: Floats, n_samples: int) -> Floats:
    """The ``n_samples`` with the most energy."""
    if len(waveform) <= n_samples:
        return waveform
    energy = np.concatenate([[0.0], np.cumsum(np.square(waveform, dtype=np.float64))])
    start = int(np.argmax(energy[n_samples:] - energy[:-n_samples]))
    return waveform[start : start + n_samples]


def event_in_background(waveform: Floats, background: Floats, rng: np.random.Generator) -> Floats:
    """The clip's loudest 0.5 to 1.5 s, 2 to 18 dB above a short casual clip.

    It is so short that every patch holds the event, so the head is trained on single patches.
    """
    event = augment(
        loudest_stretch(waveform, int(rng.uniform(0.5, 1.5) * SAMPLE_RATE)), [], rng, EVENT
    )
    mixed = loop_to_length(background, max(PATCH_SAMPLES, len(event)), rng)
    snr_db = float(rng.uniform(2.0, 18.0))
    return add_event(mixed, event, int(rng.integers(0, len(mixed) - len(event) + 1)), snr_db)


def add_event(background: Floats, event: Floats, start: int, snr_db: float) -> Floats:
    """Add an event to a clip from sample `start` on.

    Its mean power is `snr_db` above that of the whole clip.
    """
    mixed = background.copy()
    gain = rms(background) / max(rms(event), _QUIETEST_RMS) * 10 ** (snr_db / 20)
    mixed[start : start + len(event)] += np.float32(gain) * event
    return mixed


def augment(
    waveform: Floats,
    backgrounds: Sequence[Floats],
    rng: np.random.Generator,
    config: AugmentConfig | None = None,
) -> Floats:
    """One random augmented copy of a clip: `vary_speed`, then `disturb`.

    Args:
        waveform: of the clip.
        backgrounds: casual clips that may be mixed in, none of the clip's recording group.
        rng: random source.
        config: strengths; the default trains the released head.
    """
    config = config or AugmentConfig()
    return disturb(vary_speed(waveform, rng, config), backgrounds, rng, config)


def vary_speed(waveform: Floats, rng: np.random.Generator, config: AugmentConfig) -> Floats:
    """The clip at a random speed, or unchanged."""
    if rng.random() < config.p_speed:
        return change_speed(waveform, float(rng.uniform(*config.speed)))
    return waveform


def disturb(
    waveform: Floats,
    backgrounds: Sequence[Floats],
    rng: np.random.Generator,
    config: AugmentConfig,
) -> Floats:
    """As another microphone, room and codec have it, and in noise; of the same length."""
    waveform = _color(waveform, rng, config)
    if rng.random() < config.p_noise:
        snr_db = float(rng.uniform(*config.noise_snr_db))
        waveform = add_noise(waveform, random_noise(len(waveform), backgrounds, rng), snr_db)
    gain_db = float(rng.uniform(*config.peak_db))
    if rng.random() < config.p_clipping:
        waveform = np.clip(scale_peak(waveform, float(rng.uniform(*config.clipping_db))), -1, 1)
    waveform = scale_peak(waveform, gain_db)
    if rng.random() < config.p_codec:
        waveform = random_codec(waveform, rng)
    return waveform.astype(np.float32)


def change_speed(waveform: Floats, speed: float) -> Floats:
    """Play faster (``speed`` > 1) or slower by resampling; pitch changes with it."""
    changed: Floats = soxr.resample(waveform, SAMPLE_RATE * speed, SAMPLE_RATE, quality="MQ")
    return changed.astype(np.float32)


def scale_peak(waveform: Floats, peak_db: float) -> Floats:
    """Bring the highest sample to ``peak_db`` decibels relative to full scale."""
    peak = float(np.abs(waveform).max(initial=0.0))
    return waveform * np.float32(10 ** (peak_db / 20) / max(peak, _QUIETEST_RMS))


def rms(waveform: Floats) -> float:
    """Root mean square."""
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) if len(waveform) else 0.0


def add_noise(waveform: Floats, noise: Floats, snr_db: float) -> Floats:
    """Add ``noise`` of the same length at a signal-to-noise ratio of ``snr_db``."""
    gain = rms(waveform) / max(rms(noise), _QUIETEST_RMS) * 10 ** (-snr_db / 20)
    return waveform + np.float32(gain) * noise


def colored_noise(n_samples: int, exponent: float, rng: np.random.Generator) -> Floats:
    """Gaussian noise whose power falls as ``1 / f ** exponent``: 0 white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(rng.standard_normal(n_samples).astype(np.float32))
    frequencies = np.fft.rfftfreq(n_samples, 1 / SAMPLE_RATE)
    spectrum *= np.maximum(frequencies, 20.0) ** (-exponent / 2)
    noise = np.fft.irfft(spectrum, n_samples).astype(np.float32)
    return noise / np.float32(max(rms(noise), _QUIETEST_RMS))


def loop_to_length(waveform: Floats, n_samples: int, rng: np.random.Generator) -> Floats:
    """A stretch of ``n_samples`` from a random place; a shorter waveform is repeated."""
    if len(waveform) < n_samples:
        waveform = np.tile(waveform, -(-n_samples // max(len(waveform), 1)) + 1)
    start = int(rng.integers(0, len(waveform) - n_samples + 1))
    return waveform[start : start + n_samples]


def random_noise(n_samples: int, backgrounds: Sequence[Floats], rng: np.random.Generator) -> Floats:
    """With probability 0.5 a casual clip, else white to brown noise."""
    if backgrounds and rng.random() < 0.5:
        background = backgrounds[int(rng.integers(len(backgrounds)))]
        return loop_to_length(background, n_samples, rng)
    return colored_noise(n_samples, float(rng.uniform(0.0, 2.0)), rng)


def _color(waveform: Floats, rng: np.random.Generator, config: AugmentConfig) -> Floats:
    """Equalizer, band limits and room, in one pass over the spectrum."""
    n_samples = len(waveform)
    impulse = np.zeros(1, np.float32)
    impulse[0] = 1.0
    if rng.random() < config.p_room:
        impulse = room_impulse(rng, config)
    n_fft = 1 << (n_samples + len(impulse) - 1).bit_length()
    frequencies = np.fft.rfftfreq(n_fft, 1 / SAMPLE_RATE)
    gain_db = np.zeros(len(frequencies))
    if rng.random() < config.p_equalizer:
        nodes = np.log2([50, 100, 200, 400, 800, 1600, 3200, 6400])
        octaves = np.log2(np.maximum(frequencies, 25.0))
        gain_db += np.interp(octaves, nodes, rng.normal(0.0, config.equalizer_db, len(nodes)))
    if rng.random() < config.p_band_limit:
        low, high = rng.uniform(*config.low_cut_hz), rng.uniform(*config.high_cut_hz)
        order = 2 * int(rng.integers(1, 5))
        gain_db -= 10 * np.log10(1 + (low / np.maximum(frequencies, 1.0)) ** order)
        gain_db -= 10 * np.log10(1 + (frequencies / high) ** (2 * order))
    response = np.fft.rfft(impulse, n_fft) * 10 ** (gain_db / 20)
    colored = np.fft.irfft(np.fft.rfft(waveform, n_fft) * response, n_fft)
    return colored[:n_samples].astype(np.float32)


def room_impulse(rng: np.random.Generator, config: AugmentConfig) -> Floats:
    """Impulse response of a room: the direct sound, then noise that dies away exponentially."""
    reverberation_s = float(np.exp(rng.uniform(*np.log(config.reverberation_s))))
    seconds = np.arange(int(reverberation_s * SAMPLE_RATE)) / SAMPLE_RATE
    tail = rng.standard_normal(len(seconds)) * 10 ** (-3 * seconds / reverberation_s)
    tail[: int(rng.uniform(0.001, 0.03) * SAMPLE_RATE)] = 0.0
    ratio_db = rng.uniform(*config.direct_to_reverberant_db)
    tail *= 10 ** (-ratio_db / 20) / max(float(np.linalg.norm(tail)), _QUIETEST_RMS)
    tail[0] = 1.0
    return tail.astype(np.float32)


def random_codec(waveform: Floats, rng: np.random.Generator) -> Floats:
    """8-bit PCM, telephone mu-law, GSM, ADPCM or Ogg Vorbis, there and back."""
    kind = rng.choice(["pcm8", "pcm8", "mulaw", "gsm", "adpcm", "vorbis"])
    if kind == "pcm8":
        return np.round(waveform * 127) / np.float32(127)
    if kind == "mulaw":
        return _through_file(waveform, 8_000, "WAV", "ULAW")
    if kind == "gsm":
        return _through_file(waveform, 8_000, "WAV", "GSM610")
    if kind == "adpcm":
        return _through_file(waveform, 11_025, "WAV", "IMA_ADPCM")
    return _through_file(waveform, int(rng.choice([16_000, 22_050])), "OGG", "VORBIS")


def _through_file(waveform: Floats, sample_rate: int, container: str, codec: str) -> Floats:
    """Encode and decode at ``sample_rate``; the length is kept."""
    file = io.BytesIO()
    narrow = soxr.resample(waveform, SAMPLE_RATE, sample_rate, quality="MQ")
    soundfile.write(file, np.clip(narrow, -1, 1), sample_rate, format=container, subtype=codec)
    file.seek(0)
    decoded, _ = soundfile.read(file, dtype="float32")
    wide = soxr.resample(decoded, sample_rate, SAMPLE_RATE, quality="MQ")[: len(waveform)]
    return np.pad(wide, (0, len(waveform) - len(wide))).astype(np.float32)


def empty_clips(count: int, rng: np.random.Generator) -> list[Floats]:
    """Casual clips without sound: silence, mains hum, a single click.

    Steady noise is left out: with it as casual, the head misses events in noise.
    """
    clips = []
    for i in range(count):
        n_samples = int(rng.uniform(0.1, 6.0) * SAMPLE_RATE)
        waveform = np.zeros(n_samples, np.float32)
        if i % 3 == 1:
            phase = 2 * np.pi * float(rng.choice([50.0, 60.0])) * np.arange(n_samples) / SAMPLE_RATE
            hum = np.sin(phase) + rng.uniform(0.0, 0.5) * np.sin(2 * phase)
            waveform = (hum + 0.003 * rng.standard_normal(n_samples)).astype(np.float32)
        elif i % 3 == 2:
            waveform[int(rng.integers(n_samples))] = 1.0
        clips.append(waveform)
    return clips
