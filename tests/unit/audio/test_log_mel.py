"""The front end: framing and patches. Its numbers are tested against tf.signal elsewhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from earshot.audio.log_mel import (
    LOG_OFFSET,
    PATCH_SAMPLES,
    SAMPLE_RATE,
    hertz_to_mel,
    log_mel_spectrogram,
    mel_weights,
    patch_batches,
)


def noise(samples: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(samples).astype(np.float32) * 0.1


def starts_and_patches(blocks: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    starts, patches = zip(*patch_batches(blocks), strict=True)
    return np.concatenate(starts), np.concatenate(patches)


def test_silence_is_the_log_of_the_offset_in_every_band():
    assert log_mel_spectrogram(np.zeros(SAMPLE_RATE, np.float32)) == pytest.approx(
        np.log(LOG_OFFSET)
    )


def test_a_second_has_98_frames_and_a_window_less_one_sample_none():
    assert log_mel_spectrogram(noise(SAMPLE_RATE)).shape == (98, 64)
    assert log_mel_spectrogram(noise(399)).shape == (0, 64)


def test_a_tone_is_loudest_in_the_band_whose_mel_centre_is_nearest():
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    band_edges = np.linspace(hertz_to_mel(125), hertz_to_mel(7500), 66)
    nearest = np.abs(band_edges[1:-1] - hertz_to_mel(1000)).argmin()
    assert (log_mel_spectrogram(tone).argmax(axis=1) == nearest).all()


def test_1000_hertz_are_about_1000_mel():
    """The mel scale is defined so; the HTK formula meets it to a thousandth."""
    assert hertz_to_mel(1000.0) == pytest.approx(1000, rel=1e-3)


def test_mel_filters_are_triangles_without_the_zero_frequency():
    weights = mel_weights()
    assert weights.shape == (257, 64)
    assert (weights >= 0).all()
    assert weights.max() <= 1
    assert (weights[0] == 0).all()


def test_a_clip_of_one_patch_gives_one_patch_and_one_sample_less_is_padded_to_it():
    for samples in (PATCH_SAMPLES, PATCH_SAMPLES - 1, 1):
        starts, patches = starts_and_patches([noise(samples)])
        assert starts.tolist() == [0]
        assert patches.shape == (1, 96, 64)


def test_padding_of_a_short_clip_is_silence():
    _, patches = starts_and_patches([noise(SAMPLE_RATE // 2)])
    assert patches[0, -1] == pytest.approx(np.log(LOG_OFFSET))


def test_the_last_patch_ends_with_the_clip_and_holds_no_padding():
    waveform = noise(int(2.3 * SAMPLE_RATE))
    starts, patches = starts_and_patches([waveform])
    spectrogram = log_mel_spectrogram(waveform)
    assert starts[:-1] == pytest.approx([0.0, 0.48, 0.96])
    assert starts[-1] == pytest.approx((len(spectrogram) - 96) * 0.01)
    assert patches[-1] == pytest.approx(spectrogram[-96:])


def test_a_clip_that_the_hop_divides_has_no_extra_patch():
    starts, _ = starts_and_patches([noise(PATCH_SAMPLES + 48 * 160)])
    assert starts == pytest.approx([0.0, 0.48])


# A patch is 15,600 samples long, so that a block holds more than one, one, or a part of one.
@given(st.lists(st.integers(0, 32_000) | st.integers(0, 400), min_size=1, max_size=4))
def test_patches_do_not_depend_on_how_the_waveform_is_cut_into_blocks(lengths: list[int]):
    waveform = noise(sum(lengths) + 1)
    blocks = np.split(waveform, np.cumsum(lengths))
    starts, patches = starts_and_patches(blocks)
    whole_starts, whole_patches = starts_and_patches([waveform])
    np.testing.assert_allclose(starts, whole_starts)
    np.testing.assert_allclose(patches, whole_patches, rtol=1e-6, atol=1e-5)
