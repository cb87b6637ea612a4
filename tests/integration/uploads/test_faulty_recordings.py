"""Small recordings with one fault each are classified as without it, or rejected in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from earshot.results.result import Classification, Rejection
from earshot_client.offline import classify_files
from tests.conftest import REPOSITORY

MODELS = REPOSITORY / "models"

LABELS = {
    "control_gunshots.wav": ("gunshot", ""),
    "control_siren.wav": ("siren", ""),
    "control_knock_in_silence.wav": ("casual", ""),
    "k01_size0_header_never_patched.wav": ("siren", "never finished"),
    "k01b_size0_with_LIST.wav": ("siren", "never finished"),
    "k03_flac_piped_unknown_length.flac": ("siren", ""),
    "k05_ogg_chained_bird_then_siren.ogg": ("siren", "chained"),
    "k07_wav_cut_off_60pct.wav": ("siren", "cut off"),
    "k08_gunshots_left_hum_right.wav": ("gunshot", "channel 1 of 2"),
    "k08_siren_left_hum_right.wav": ("siren", "channel 1 of 2"),
    "k09_gunshots_antiphase_own_noise_6dB.wav": ("gunshot", "anti-phase"),
    "k09_siren_antiphase_own_noise_6dB.wav": ("siren", "anti-phase"),
    "k11_siren_float_one_wild_sample.wav": ("siren", "beyond full scale"),
    "k13b_digital_silence.wav": ("casual", "no signal"),
    "k13c_stuck_at_rail.wav": ("casual", "no signal"),
    "k15_bw64.wav": ("siren", ""),
    "k16_second_data_chunk.wav": ("siren", "2 pieces"),
}
REJECTIONS = {
    "empty.wav": ("empty", "empty"),
    "headerless_s16le_16k.raw": ("not_audio", "ffmpeg -f s16le"),
    "k13_all_nan.wav": ("no_signal", "no signal"),
    "k14_m4a_named.wav": ("unsupported_format", "M4A"),
    "k14b_webm_opus_named.wav": ("unsupported_format", "WebM"),
}


@pytest.mark.parametrize("name", LABELS)
def test_a_fault_is_warned_of_and_does_not_change_the_label(cases: Path, name: str):
    ((_, result),) = classify_files([cases / name], MODELS / "v1", MODELS / "yamnet")
    label, warning = LABELS[name]
    assert isinstance(result.outcome, Classification), result.outcome
    assert result.outcome.label == label
    warnings = "; ".join(result.outcome.warnings)
    assert warning in warnings
    assert bool(warning) == bool(warnings), warnings


@pytest.mark.parametrize("name", REJECTIONS)
def test_what_cannot_be_classified_is_rejected_in_words(cases: Path, name: str):
    ((_, result),) = classify_files([cases / name], MODELS / "v1", MODELS / "yamnet")
    code, words = REJECTIONS[name]
    assert isinstance(result.outcome, Rejection)
    assert result.outcome.code == code
    assert words in result.outcome.detail
