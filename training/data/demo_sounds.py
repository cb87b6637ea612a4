"""`python -m training.data.demo_sounds FOLDER`: write the synthetic clips of the demonstration.

With them comes one false alarm, to correct: blows that ring, which the model takes for a siren.

They are for demonstrations and tests without a dataset. YAMNet recognizes them; no published figure
is measured on them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import Label

Floats = NDArray[np.float64]
_FALSE_ALARM = 19  # seed of the everyday sound that the bundled model takes for a siren


def siren(seconds: float = 6.0, seed: int = 0) -> Floats:
    """Wailing siren: a rich tone that sweeps between about 600 and 1400 Hz every few seconds."""
    rng = np.random.default_rng(seed)
    time = _time(seconds)
    sweep_hz = rng.uniform(0.25, 0.4)
    frequency = 1000 - 400 * np.cos(2 * np.pi * sweep_hz * time)
    phase = 2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE
    harmonics = np.arange(1, 6)[:, None]
    tone = (np.sin(harmonics * phase) / harmonics).sum(axis=0)
    return _at_peak(_with_reverb(tone, rng) + 0.01 * rng.standard_normal(len(time)), 0.5)


def gunshots(seconds: float = 3.0, seed: int = 0) -> Floats:
    """A few gunshots: each a shock of a millisecond, a burst of noise, and its echoes."""
    rng = np.random.default_rng(seed)
    waveform = 0.001 * rng.standard_normal(int(seconds * SAMPLE_RATE))
    for start in np.arange(0.3, seconds - 0.6, rng.uniform(0.5, 0.9)):
        shot_time = _time(0.5)
        burst = rng.standard_normal(len(shot_time)) * np.exp(-shot_time / 0.03)
        tail = _low_pass(rng.standard_normal(len(shot_time)), 1500) * np.exp(-shot_time / 0.12)
        shot = burst + 1.5 * tail
        shot[:16] += 6
        begin = int(start * SAMPLE_RATE)
        waveform[begin : begin + len(shot)] += shot
    return _at_peak(_with_reverb(waveform, rng), 0.95)


def explosion(seconds: float = 4.0, seed: int = 0) -> Floats:
    """An explosion: low rumbling noise that dies away over seconds, after a sharp onset."""
    rng = np.random.default_rng(seed)
    waveform = 0.001 * rng.standard_normal(int(seconds * SAMPLE_RATE))
    begin = int(0.4 * SAMPLE_RATE)
    boom_time = _time(seconds - 0.4)
    noise = rng.standard_normal(len(boom_time))
    boom = 5 * _low_pass(noise, 120) * np.exp(-boom_time / 0.9)
    boom += 1.5 * _low_pass(noise, 900) * np.exp(-boom_time / 0.35)
    boom += 0.5 * noise * np.exp(-boom_time / 0.05)
    waveform[begin:] += boom[: len(waveform) - begin]
    return _at_peak(np.tanh(1.5 * _with_reverb(waveform, rng)), 0.95)


def birdsong(seconds: float = 5.0, seed: int = 0) -> Floats:
    """Casual sound: a bird that chirps now and then, over faint hiss."""
    rng = np.random.default_rng(seed)
    waveform = 0.003 * rng.standard_normal(int(seconds * SAMPLE_RATE))
    begin = 0.2
    while begin < seconds - 0.3:
        chirp_time = _time(rng.uniform(0.06, 0.15))
        frequency = rng.uniform(3000, 4500) + rng.uniform(-8000, 8000) * chirp_time
        envelope = np.sin(np.pi * chirp_time / chirp_time[-1]) ** 2
        chirp = envelope * np.sin(2 * np.pi * np.cumsum(frequency) / SAMPLE_RATE)
        first = int(begin * SAMPLE_RATE)
        waveform[first : first + len(chirp)] += 0.3 * chirp
        begin += rng.choice([0.12, 0.2, 0.6])
    return _at_peak(waveform, 0.3)


MAKERS = {
    Label.SIREN: siren,
    Label.GUNSHOT: gunshots,
    Label.EXPLOSION: explosion,
    Label.CASUAL: birdsong,
}


def write_clips(folder: Path, n_each: int = 1) -> list[Path]:
    """Write `n_each` clips of each label as ``<label>_<n>.wav``, 16 kHz 16-bit mono."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for label, make in MAKERS.items():
        for seed in range(n_each):
            path = folder / f"{label}_{seed:03}.wav"
            soundfile.write(path, make(seed=seed), SAMPLE_RATE, subtype="PCM_16")
            paths.append(path)
    return paths


def write_recordings(folder: Path, n_each: int, first_seed: int = 0) -> list[Path]:
    """Write `n_each` clips of each label, each as if by another microphone at another place.

    The clips of `write_clips` are so alike that a retraining takes those of one label for one
    recording group.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for label, make in MAKERS.items():
        for seed in range(first_seed, first_seed + n_each):
            path = folder / f"{label}_{seed:04}.wav"
            rng = np.random.default_rng([seed, label.class_id])
            waveform = make(seconds=rng.uniform(3, 6), seed=seed)
            soundfile.write(path, _recorded(waveform, rng), SAMPLE_RATE, subtype="PCM_16")
            paths.append(path)
    return paths


def _recorded(waveform: Floats, rng: np.random.Generator) -> Floats:
    """At another speed, through another band, and over 0 to 15 dB weaker noise of some color."""
    places = np.arange(0, len(waveform) - 1, rng.uniform(0.75, 1.35))
    waveform = np.interp(places, np.arange(len(waveform)), waveform)
    frequencies = np.maximum(np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE), 1.0)
    low, high = rng.uniform(20, 600), rng.uniform(1200, 7900)
    band = 1 / np.sqrt((1 + (frequencies / high) ** 4) * (1 + (low / frequencies) ** 2))
    waveform = np.fft.irfft(np.fft.rfft(waveform) * band, len(waveform))
    color = np.maximum(frequencies, 20.0) ** (-rng.uniform(0, 2) / 2)
    noise = np.fft.irfft(np.fft.rfft(rng.standard_normal(len(waveform))) * color, len(waveform))
    snr = 10 ** (rng.uniform(0, 15) / 10)
    noise *= np.sqrt(np.mean(waveform**2) / np.mean(noise**2) / snr)
    return _at_peak(waveform + noise, 0.5)


def _time(seconds: float) -> Floats:
    return np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _at_peak(waveform: Floats, peak: float) -> Floats:
    scaled: Floats = peak * waveform / np.abs(waveform).max()
    return scaled


def _low_pass(waveform: Floats, cutoff_hz: float) -> Floats:
    """Gentle low-pass by weighting the spectrum, second order."""
    spectrum = np.fft.rfft(waveform)
    frequencies = np.fft.rfftfreq(len(waveform), 1 / SAMPLE_RATE)
    spectrum /= 1 + (frequencies / cutoff_hz) ** 2
    filtered: Floats = np.fft.irfft(spectrum, len(waveform))
    return filtered


def _with_reverb(waveform: Floats, rng: np.random.Generator) -> Floats:
    """Echoes of a street: sparse reflections that die away within half a second."""
    wet = waveform.copy()
    for _ in range(12):
        delay = int(rng.uniform(0.02, 0.4) * SAMPLE_RATE)
        gain = 0.35 * np.exp(-delay / (0.2 * SAMPLE_RATE))
        wet[delay:] += gain * waveform[:-delay]
    return wet


def write_false_alarm(folder: Path) -> Path:
    """Write casual sound that the bundled model takes for a siren, 16 kHz 16-bit mono."""
    path = folder / "bicycle-bell.wav"
    soundfile.write(path, everyday(seed=_FALSE_ALARM), SAMPLE_RATE, subtype="PCM_16")
    return path


def everyday(seconds: float = 6.0, seed: int = 0) -> Floats:
    """Casual sound that may be taken for a threat: blows that ring, or rumble."""
    rng = np.random.default_rng([seed, 7])
    make = (_knocks, _rumble)[int(rng.integers(2))]
    return _at_peak(_with_reverb(make(seconds, rng), rng), rng.uniform(0.2, 0.9))


def _knocks(seconds: float, rng: np.random.Generator) -> Floats:
    """Blows on something that rings briefly, at a steady pace or not."""
    waveform = 0.002 * rng.standard_normal(int(seconds * SAMPLE_RATE))
    pace, pitch = rng.uniform(0.2, 1.5), rng.uniform(150, 2500)
    ringing, sharpness = rng.uniform(0.01, 0.08), rng.uniform(0.002, 0.03)
    begin = rng.uniform(0.1, 0.6)
    while begin < seconds - 0.4:
        blow_time = _time(0.4)
        blow = np.sin(2 * np.pi * pitch * blow_time) * np.exp(-blow_time / ringing)
        blow += rng.standard_normal(len(blow_time)) * np.exp(-blow_time / sharpness)
        first = int(begin * SAMPLE_RATE)
        waveform[first : first + len(blow)] += rng.uniform(0.5, 1) * blow
        begin += pace * rng.uniform(0.8, 1.2)
    return waveform


def _rumble(seconds: float, rng: np.random.Generator) -> Floats:
    """Wind or a passing lorry: low noise that swells."""
    noise = _low_pass(rng.standard_normal(int(seconds * SAMPLE_RATE)), rng.uniform(60, 400))
    time = _time(seconds)
    swell = 0.3 + np.exp(-(((time - rng.uniform(1, seconds - 1)) / rng.uniform(0.3, 2)) ** 2))
    return noise * swell[: len(noise)]


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("Name a folder: python -m training.data.demo_sounds FOLDER")
    folder = Path(sys.argv[1])
    for path in (*write_clips(folder, n_each=2), write_false_alarm(folder)):
        print(path)


if __name__ == "__main__":
    main()
