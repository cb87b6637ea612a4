"""Decoding: every kind of WAV gives the same waveform, and bad files say what is wrong.

Test tones are written at half of full scale and expected at full scale.
"""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import pytest

from earshot.audio.clip import Clip
from earshot.audio.limits import Limits
from earshot.errors import RejectedClipError
from tests.unit.audio.sounds import RATE, rejection, tone, wav, waveform


@pytest.mark.parametrize(
    ("container", "subtype", "rms_error"),
    [
        ("WAV", "PCM_U8", 0.01),
        ("WAV", "PCM_16", 2e-4),
        ("WAV", "PCM_24", 1e-6),
        ("WAV", "PCM_32", 1e-6),
        ("WAV", "FLOAT", 1e-6),
        ("WAV", "DOUBLE", 1e-6),
        ("WAV", "ALAW", 0.04),
        ("WAV", "ULAW", 0.04),
        ("WAV", "IMA_ADPCM", 0.1),
        ("WAV", "MS_ADPCM", 0.1),
        ("WAV", "GSM610", 0.35),
        ("WAVEX", "PCM_16", 2e-4),
        ("RF64", "PCM_16", 2e-4),
        ("W64", "PCM_16", 2e-4),
        ("FLAC", "PCM_16", 2e-4),
        ("AIFF", "PCM_16", 2e-4),
    ],
)
def test_every_format_decodes_to_the_same_waveform(container, subtype, rms_error):
    decoded = waveform(wav(tone(), format=container, subtype=subtype))
    assert decoded.dtype == np.float32
    assert np.sqrt(np.mean((decoded[:RATE] - 2 * tone()) ** 2)) <= rms_error


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_every_rate_is_resampled_to_16_khz(rate):
    decoded = waveform(wav(tone(rate), rate))
    assert len(decoded) == pytest.approx(RATE, abs=1)
    middle = slice(1000, -1000)  # a resampler rings at the ends
    assert decoded[:RATE][middle] == pytest.approx(2 * tone()[: len(decoded)][middle], abs=4e-3)


@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_channels_are_averaged(channels):
    gains = np.arange(1, channels + 1) / channels
    decoded = waveform(wav(tone()[:, None] * gains, subtype="FLOAT"))
    assert decoded == pytest.approx(2 * tone(), abs=1e-5)


def test_channels_in_anti_phase_do_not_cancel_each_other_out():
    decoded = waveform(wav(np.stack([tone(), -0.9 * tone()], axis=1)))
    assert decoded == pytest.approx(2 * tone(), abs=2e-4)


def test_a_silent_left_channel_leaves_the_right_one_audible():
    decoded = waveform(wav(np.stack([0 * tone(), tone()], axis=1)))
    assert decoded == pytest.approx(2 * tone(), abs=2e-4)


def test_samples_that_are_no_numbers_are_silenced_and_reported():
    samples = tone()
    samples[10:20] = np.nan
    samples[30] = np.inf
    with Clip(wav(samples, subtype="FLOAT")) as clip:
        decoded = np.concatenate(list(clip.waveform_blocks()))
        assert clip.warnings == ["11 samples were not finite numbers and were silenced"]
    assert (decoded[10:20] == 0).all()
    assert decoded[100:] == pytest.approx(2 * tone()[100:], abs=1e-5)


@pytest.mark.parametrize("decibels", [-60, -40, -20, 0, 20])
def test_a_recording_is_scaled_to_full_scale_however_quiet_or_loud_it_is(decibels):
    gain = 10 ** (decibels / 20)
    assert waveform(wav(2 * gain * tone(), subtype="FLOAT")) == pytest.approx(2 * tone(), abs=1e-5)


def test_silence_stays_silence():
    assert (waveform(wav(np.zeros(RATE))) == 0).all()
    hiss = np.random.default_rng(0).uniform(-1e-5, 1e-5, RATE)
    assert np.abs(waveform(wav(hiss, subtype="FLOAT"))).max() <= 1.01e-2


def test_a_truncated_upload_is_decoded_as_far_as_it_goes():
    content = wav(tone(seconds=2)).getvalue()
    assert len(waveform(io.BytesIO(content[: len(content) // 2]))) == pytest.approx(RATE, abs=50)


def test_a_header_that_claims_4_gigabytes_reads_only_what_is_there():
    content = bytearray(wav(tone()).getvalue())
    content[40:44] = b"\xff\xff\xff\xff"
    assert len(waveform(io.BytesIO(content))) == RATE


def test_duration_is_that_of_the_recording_whatever_its_rate():
    with Clip(wav(tone(48_000, seconds=1.5), 48_000)) as clip:
        list(clip.waveform_blocks())
        assert clip.duration_s == pytest.approx(1.5)


def test_a_long_clip_comes_in_blocks_of_bounded_size():
    with Clip(wav(tone(seconds=120))) as clip:
        assert max(len(block) for block in clip.waveform_blocks()) <= 2**19


def test_an_empty_file_is_rejected():
    assert rejection(b"").code == "empty"


def test_a_text_file_is_rejected_with_what_is_accepted():
    error = rejection(b"this is not a recording at all, whatever its name says")
    assert error.code == "not_audio"


def test_a_header_without_samples_is_rejected():
    assert rejection(wav(np.zeros(0)).getvalue()).code == "no_samples"


@pytest.mark.parametrize("rate", [0, 1, 1_999, 400_000, 2**31 - 1])
def test_absurd_sample_rates_are_rejected(rate):
    content = bytearray(wav(tone()).getvalue())
    content[24:28] = rate.to_bytes(4, "little")
    assert rejection(bytes(content)).code in {"unsupported_rate", "not_audio"}


def test_too_many_channels_are_rejected():
    assert rejection(wav(np.zeros((100, 17))).getvalue()).code == "too_many_channels"


@pytest.mark.parametrize(
    "limits", [Limits(duration_s=0.5), Limits(samples=10_000), Limits(cpu_s=0.0)]
)
def test_a_clip_over_a_limit_is_rejected(limits: Limits):
    with pytest.raises(RejectedClipError) as caught, Clip(wav(tone()), limits) as clip:
        list(clip.waveform_blocks())
    assert caught.value.code == "too_long"


@pytest.mark.parametrize("cut", range(0, 60, 4))
def test_any_truncated_header_is_rejected_or_decoded_but_never_crashes(cut):
    with contextlib.suppress(RejectedClipError):
        waveform(io.BytesIO(wav(tone()).getvalue()[:cut]))


def test_the_file_stays_open_for_its_owner(tmp_path: Path):
    path = tmp_path / "clip.wav"
    path.write_bytes(wav(tone()).getvalue())
    with path.open("rb") as file:
        with Clip(file) as clip:
            list(clip.waveform_blocks())
        assert not file.closed
