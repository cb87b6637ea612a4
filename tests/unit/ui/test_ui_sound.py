"""What the web interface draws of a recording."""

from __future__ import annotations

import io

import numpy as np
import pytest
import soundfile

from earshot.audio.clip import Clip
from earshot.audio.log_mel import LOG_OFFSET, SAMPLE_RATE, log_mel_spectrogram
from earshot.errors import RejectedClipError
from training.data.demo_sounds import siren
from ui.components.sound import MAX_COLUMNS, sound_picture, spectrogram_image


def wav(waveform: np.ndarray, rate: int = SAMPLE_RATE) -> io.BytesIO:
    file = io.BytesIO()
    soundfile.write(file, waveform, rate, format="WAV", subtype="PCM_16")
    file.seek(0)
    return file


def test_the_spectrogram_is_the_one_that_the_model_is_given():
    file = wav(siren(3.0))
    with Clip(file) as clip:
        waveform = np.concatenate(list(clip.waveform_blocks()))
    file.seek(0)
    picture = sound_picture(file)
    np.testing.assert_array_equal(picture.log_mel, log_mel_spectrogram(waveform))
    assert picture.duration_s == 3.0
    assert len(picture.low) == len(picture.high) == 300


def test_a_loud_moment_of_a_long_recording_stays_visible_and_in_its_place():
    waveform = np.zeros(SAMPLE_RATE * 60)  # five frames to a column
    waveform[SAMPLE_RATE * 40] = 0.9
    picture = sound_picture(wav(waveform))
    n = len(picture.high)
    assert MAX_COLUMNS / 2 < n <= MAX_COLUMNS
    assert picture.high.argmax() / n == pytest.approx(40 / 60, abs=1 / n)
    loudest = picture.log_mel.max(axis=1).argmax()
    assert loudest / len(picture.log_mel) == pytest.approx(40 / 60, abs=2 / n)
    assert picture.low.min() == 0


def test_less_than_a_frame_has_no_spectrogram():
    picture = sound_picture(wav(np.full(100, 0.5)))
    assert picture.log_mel.shape == (0, 64)
    assert len(picture.high) == 0 or picture.high.max() == pytest.approx(1.0)


def test_what_is_no_recording_is_refused():
    with pytest.raises(RejectedClipError):
        sound_picture(io.BytesIO(b"hello"))


def test_high_bands_are_above_and_loud_is_bright():
    log_mel = np.full((5, 64), np.log(LOG_OFFSET), np.float32)
    log_mel[2, 63] = 1.0
    image = spectrogram_image(log_mel)
    assert image.size == (5, 64)
    brightness = np.asarray(image.convert("L"))
    brightest = np.unravel_index(brightness.argmax(), brightness.shape)
    assert [int(index) for index in brightest] == [0, 2]
