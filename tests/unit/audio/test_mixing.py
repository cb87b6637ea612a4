"""One channel at fault does not hide what the others hold."""

from __future__ import annotations

import numpy as np
import pytest

from earshot.audio.mixing import change
from tests.unit.audio.sounds import RATE, decoded, likeness, siren, tone, wav

rng = np.random.default_rng(0)


def bang() -> np.ndarray:
    t = np.arange(3 * RATE) / RATE
    return np.where(t > 1, np.exp(-8 * (t - 1)), 0) * 0.2 * rng.standard_normal(len(t))


FAULTS = {
    "square hum": 0.9 * np.sign(np.sin(2 * np.pi * 50 * np.arange(3 * RATE) / RATE) + 1e-9),
    "hum": 0.9 * np.sin(2 * np.pi * 60 * np.arange(3 * RATE) / RATE),
    "loud hiss": 0.25 * rng.standard_normal(3 * RATE),
    "stuck at full scale": np.full(3 * RATE, 0.99),
    "whistle": 0.9 * tone(seconds=3, hertz=3000) * 2,
}
BROAD = {"square hum", "loud hiss"}


@pytest.mark.parametrize("good_channel", [0, 1])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("sound", [siren, bang])
def test_a_loud_fault_of_one_channel_does_not_drown_the_other(sound, fault, good_channel):
    good = 0.3 * sound()
    channels = [good, FAULTS[fault]] if good_channel == 0 else [FAULTS[fault], good]
    found, warnings = decoded(wav(np.stack(channels, axis=1)))
    # A hum without overtones covers no more than its own band.
    assert change(found, RATE) > 0.4 * change(good.astype(np.float32), RATE)
    if fault in BROAD:
        assert likeness(found, good) > 0.99
        assert f"channel {good_channel + 1} of 2 is used alone" in warnings


def test_a_faint_channel_is_not_preferred_to_a_steady_loud_one():
    faint = 1e-3 * rng.standard_normal(3 * RATE) * (np.arange(3 * RATE) % RATE < 2000)
    horn = tone(seconds=3, hertz=700)
    found, warnings = decoded(wav(np.stack([faint, horn], axis=1)))
    assert likeness(found, horn) > 0.99
    assert warnings == ""


@pytest.mark.parametrize("decibels", [20, 6, 3])
def test_anti_phase_with_noise_of_its_own_in_each_channel_is_inverted(decibels):
    sound = siren()
    noise = sound.std() * 10 ** (-decibels / 20) * rng.standard_normal((2, len(sound)))
    channels = 0.5 * (np.stack([sound, -sound]) + noise)
    found, warnings = decoded(wav(channels.T))
    clean = likeness(sound + noise[0], sound)
    assert likeness(found, sound) > clean  # better than any one channel
    assert "in anti-phase were inverted" in warnings


def test_anti_phase_in_a_part_of_a_clip_is_inverted_there():
    sound = siren(seconds=20)
    other = np.where(np.arange(len(sound)) < 12 * RATE, sound, -sound)
    found, warnings = decoded(wav(np.stack([sound, other], axis=1)))
    level = np.abs(found).reshape(-1, RATE // 10).max(axis=1)
    assert level.min() > 0.9
    assert "in anti-phase were inverted" in warnings


def test_anti_phase_among_six_channels_is_inverted():
    sound = siren()
    signs = np.array([1, -1, 1, -1, -1, 1])
    found, _ = decoded(wav(sound[:, None] * signs))
    assert likeness(found, sound) > 0.999


def test_stereo_that_differs_a_little_is_averaged():
    sound, left, right = siren(), 0.1 * rng.standard_normal(3 * RATE), 0.1 * bang()
    found, warnings = decoded(wav(np.stack([sound + left, sound + right], axis=1)))
    assert likeness(found, sound + (left + right) / 2) > 0.9999
    assert warnings == ""


@pytest.mark.parametrize("scale", [1.0, 1e9, 6e38])
def test_loud_float_stereo_stays_finite(scale):
    sound = (siren() * scale).astype(np.float32)
    found, _ = decoded(wav(np.stack([sound, sound], axis=1), subtype="FLOAT"))
    assert likeness(found, siren()) > 0.999
    assert np.abs(found).max() == pytest.approx(1, abs=1e-3)
