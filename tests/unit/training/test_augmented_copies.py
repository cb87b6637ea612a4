"""Augmented copies differ from their clip, by as much as they should, and always by the same."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.augmented_copies import BACKGROUND_SNR_DB, NOISE_SNR_DB, copy_of

TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)).astype(np.float32)
HUM = np.sin(2 * np.pi * 50 * np.arange(4_000) / 16_000).astype(np.float32)


def power_db(waveform: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(waveform.astype(np.float64) ** 2)))


@pytest.mark.parametrize("kind", ["noise", "background", "pitch", "stretch"])
def test_a_copy_is_another_waveform_and_the_same_for_the_same_seed(kind):
    first = copy_of(TONE, kind, np.random.default_rng(1), HUM)
    again = copy_of(TONE, kind, np.random.default_rng(1), HUM)
    other = copy_of(TONE, kind, np.random.default_rng(2), HUM)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, TONE)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("kind", "limits"), [("noise", NOISE_SNR_DB), ("background", BACKGROUND_SNR_DB)]
)
@pytest.mark.parametrize("seed", range(5))
def test_what_is_mixed_in_is_as_much_weaker_as_is_said(kind, limits, seed):
    copy = copy_of(TONE, kind, np.random.default_rng(seed), HUM)
    snr_db = power_db(TONE) - power_db(copy - TONE)
    assert limits[0] - 0.1 <= snr_db <= limits[1] + 0.1


def test_pitch_shift_moves_the_tone_by_at_most_two_semitones():
    copy = copy_of(TONE, "pitch", np.random.default_rng(3))
    assert len(copy) == len(TONE)
    hertz = np.abs(np.fft.rfft(copy)).argmax()  # one second: a bin is a hertz
    assert 440 * 2 ** (-2.1 / 12) < hertz < 440 * 2 ** (2.1 / 12)
    assert hertz != 440


def test_time_stretch_keeps_the_pitch_and_changes_the_length_by_at_most_a_tenth():
    copy = copy_of(TONE, "stretch", np.random.default_rng(3))
    assert len(TONE) / 1.11 < len(copy) < len(TONE) / 0.89
    hertz = np.abs(np.fft.rfft(copy)).argmax() * 16_000 / len(copy)
    assert hertz == pytest.approx(440, abs=5)


@pytest.mark.parametrize("kind", ["noise", "background"])
def test_silence_stays_silence(kind):
    silence = np.zeros(1_000, np.float32)
    assert not copy_of(silence, kind, np.random.default_rng(0), HUM).any()


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="no background"):
        copy_of(TONE, "background", np.random.default_rng(0))
    with pytest.raises(ValueError, match="reverse"):
        copy_of(TONE, "reverse", np.random.default_rng(0))
