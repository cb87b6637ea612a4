"""Channels to mono, without losing what only some of them hold.

The mean of the channels is the rule: it is what all of them recorded. Two faults spoil it. A
microphone wired in anti-phase cancels the others out: its channel is inverted, for half a second
at a time. A channel of loud hum or hiss, or a stuck one, drowns the others: then the channel is
used alone in whose spectrum most changes over time, for in a fault least does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from earshot.audio.log_mel import LOG_OFFSET, MEL_MAX_HZ, MEL_MIN_HZ, WINDOW_SAMPLES, Floats

_PIECE_S = 0.5
_FADE_S = 0.02  # over which a channel becomes inverted, so that there is no click
# Correlation of two channels below which their mean may lose something, and at which one of them
# is taken to be inverted. Echoes also anti-correlate somewhat: they are no fault to warn of.
_ALIKE, _INVERTED, _ANTI_PHASE = 0.5, -0.2, -0.5
# A channel is used alone if so many times more changes in it than in the mean, and if its peak is
# no lower than this share of the mean's: what is fainter is the noise of an empty input.
_CLEARER, _FAINTEST = 2.0, 0.03
# The mean is given up for the loudest channel if it has lost so much power against that.
_CANCELED_POWER_RATIO = 0.05
_NEGLIGIBLE_POWER_RATIO = 1e-6
_SAFE_PEAK = 1e6  # whose square times the samples of a piece stays far below float32's limit
_SPECTRUM_S = 0.064
_N_BANDS = 16
_FLAT_STEPS = 2

Doubles = NDArray[np.float64]


class Mixer:
    """Looks at each block of a recording once, then mixes each as is best for the whole.

    Args:
        channels: number of them.
        rate: in Hz.
        step: smallest difference of two samples.

    Attributes:
        alone: the channel that is used alone; None for the mean. Known once `choose` was called.
        anti_phase: whether some channels canceled each other out for some time.
    """

    def __init__(self, channels: int, rate: int, step: float = 2**-15) -> None:
        self.alone: int | None = None
        self.anti_phase = False
        self._channels, self._rate, self._step = channels, rate, step
        self._low, self._high = np.full(channels, np.inf), np.full(channels, -np.inf)
        self._signs: list[Floats] = []  # of each block's pieces; the first row is the one before
        self._power, self._mean_power = np.zeros(channels), 0.0
        self._peaks, self._mean_peak = np.zeros(channels), 0.0
        self._last_mean: Floats | None = None
        self._changes = np.zeros(1 + channels)  # of the mean, and of each channel

    def look(self, block: Floats) -> None:
        """Look at the next block, ``(channels, frames)``, all of it finite."""
        low, high = block.min(axis=1), block.max(axis=1)
        peaks = np.maximum(-low, high)
        self._low, self._high = np.minimum(self._low, low), np.maximum(self._high, high)
        if self._channels == 1:
            self._mean_peak = max(self._mean_peak, float(peaks[0]))
            return
        alike = self._align(block, float(peaks.max()))
        mean = self._last_mean = self._mean(block, self._signs[-1])
        self._peaks = np.maximum(self._peaks, peaks)
        self._mean_peak = max(self._mean_peak, float(np.maximum(mean.max(), -mean.min())))
        if not alike:
            self._changes += [change(signal, self._rate) for signal in (mean, *block)]

    def choose(self) -> None:
        """Decide whether one channel is used alone, when all blocks have been looked at."""
        if self._channels == 1:
            return
        clearest = int(self._changes[1:].argmax())
        if self._mean_power < _CANCELED_POWER_RATIO * self._power.max():
            self.alone = int(self._power.argmax())
        elif (
            self._changes[1 + clearest] > _CLEARER * self._changes[0]
            and self._peaks[clearest] > _FAINTEST * self._mean_peak
        ):
            self.alone = clearest

    @property
    def flat(self) -> bool:
        """Whether no channel varies by more than its quantization does."""
        return bool((self._high - self._low <= _FLAT_STEPS * self._step).all())

    @property
    def peak(self) -> float:
        """Highest magnitude of what `mix` will give."""
        return self._mean_peak if self.alone is None else float(self._peaks[self.alone])

    def mix(self, block: Floats, index: int) -> Floats:
        """Mono ``(frames,)`` of a block, given its index among those that were looked at."""
        if self.alone is not None or self._channels == 1:
            mono: Floats = block[self.alone or 0]
            return mono
        if index + 1 == len(self._signs) and self._last_mean is not None:
            return self._last_mean
        return self._mean(block, self._signs[index])

    def warnings(self) -> list[str]:
        """What was done to the channels, for a person."""
        if self.alone is not None:
            return [
                f"channel {self.alone + 1} of {self._channels} is used alone, because the others "
                "drown or cancel it out"
            ]
        if self.anti_phase:
            return ["channels in anti-phase were inverted, so that they do not cancel each other"]
        return []

    def _pieces(self, frames: int) -> list[tuple[int, int]]:
        length = int(_PIECE_S * self._rate)
        return [(start, min(frames, start + length)) for start in range(0, frames, length)]

    def _align(self, block: Floats, peak: float) -> bool:
        """Find the signs of a block's pieces; returns whether all channels are much alike."""
        scale = np.float32(1 if peak < _SAFE_PEAK else peak)
        signs = [np.ones(self._channels, np.float32) if not self._signs else self._signs[-1][-1]]
        all_alike = True
        for start, end in self._pieces(block.shape[1]):
            piece = block[:, start:end] if scale == 1 else block[:, start:end] / scale
            products = _products(piece)
            means = piece.sum(axis=1, dtype=np.float32).astype(np.float64) / (end - start)
            sign, correlation, alike = _aligned(products / (end - start), means, signs[-1])
            signs.append(sign)
            self.anti_phase = self.anti_phase or bool((correlation < _ANTI_PHASE).any())
            all_alike = all_alike and alike
            self._power += np.diag(products) * float(scale) ** 2
            self._mean_power += float(sign @ products @ sign) * (float(scale) / len(sign)) ** 2
        if not self._signs:
            signs[0] = signs[1]  # nothing to fade from
        self._signs.append(np.stack(signs))
        return all_alike

    def _mean(self, block: Floats, signs: Floats) -> Floats:
        """Mean of the channels, each with the sign that it has in a piece."""
        weights = signs / np.float32(self._channels)  # before the sum, which could overflow
        mono = _weighted_sum(block, weights[0])
        for (start, end), before, now in zip(
            self._pieces(len(mono)), weights[:-1], weights[1:], strict=True
        ):
            if (now != weights[0]).any():
                mono[start:end] = _weighted_sum(block[:, start:end], now)
            if (before != now).any():
                faded = slice(start, min(end, start + int(_FADE_S * self._rate)))
                was = _weighted_sum(block[:, faded], before)
                share = np.linspace(1, 0, len(was), dtype=np.float32)
                mono[faded] += share * (was - mono[faded])
        return mono


def _products(piece: Floats) -> Doubles:
    """Sums of products of any two channels; one by one, which takes less time than a matrix's."""
    n = len(piece)
    products = np.empty((n, n))
    for first in range(n):
        for second in range(first, n):
            products[first, second] = products[second, first] = piece[first] @ piece[second]
    return products


def _weighted_sum(block: Floats, weights: Floats) -> Floats:
    """Sum of the channels, one after another: it takes less time than a product of matrices."""
    total: Floats = block[0] * weights[0]
    for channel, weight in zip(block[1:], weights[1:], strict=True):
        total += channel * weight
    return total


def _aligned(products: Doubles, means: Doubles, sign: Floats) -> tuple[Floats, Doubles, bool]:
    """Signs with which a piece's channels add up; their correlations; whether all are much alike.

    A sign is kept unless the channels clearly disagree with it, so that noise changes none.

    Args:
        products: ``(channels, channels)`` mean product of any two channels.
        means: ``(channels,)``.
        sign: ``(channels,)`` of the piece before.
    """
    power = np.diag(products)
    covariance = products - np.outer(means, means)
    variance = np.maximum(np.diag(covariance), 0)
    loudest = int(variance.argmax())
    matters = power > _NEGLIGIBLE_POWER_RATIO * power.max()
    varies = variance > _NEGLIGIBLE_POWER_RATIO * power
    usable = matters & varies
    correlation = np.zeros(len(sign))
    correlation[usable] = covariance[loudest, usable] / np.sqrt(
        variance[usable] * variance[loudest]
    )
    agreement = correlation * sign * sign[loudest]
    aligned = np.where(agreement < _INVERTED, -sign, sign)
    stuck = matters & (variance < power / 2)
    alike = not stuck.any() and bool((np.abs(correlation[usable]) >= _ALIKE).all())
    return aligned.astype(np.float32), correlation, alike


def change(signal: Floats, rate: int) -> float:
    """How much a signal's spectrum changes: variance over time of its bands' logarithmic levels.

    Levels are those of YAMNet's front end at full scale: what is lost there counts for nothing.
    """
    n = int(_SPECTRUM_S * rate)
    n_windows = len(signal) // n
    peak = float(np.abs(signal).max(initial=0))
    if n_windows < 2 or peak == 0:
        return 0.0
    windows = (signal[: n_windows * n] / np.float32(peak)).reshape(n_windows, n)
    magnitude = np.abs(np.fft.rfft(windows * np.hanning(n).astype(np.float32)))
    highest = min(MEL_MAX_HZ, rate / 2)
    edges = np.unique(np.geomspace(MEL_MIN_HZ, highest, _N_BANDS + 1) * _SPECTRUM_S).astype(int)
    edges = np.unique(edges)
    sums = np.add.reduceat(magnitude[:, : edges[-1]], edges[:-1], axis=1)
    levels = sums / np.diff(edges) * (WINDOW_SAMPLES / n)
    return float(np.log(levels + LOG_OFFSET).var(axis=0).mean())
