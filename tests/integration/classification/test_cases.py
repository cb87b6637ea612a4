"""The released model on kinds of sound that classifiers tend to get wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from earshot.audio.clip import Clip
from earshot.audio.log_mel import SAMPLE_RATE
from earshot.classification.classifier import Classifier
from earshot.labels import Label
from earshot.model.loading import load_model
from earshot.results.result import Classification
from earshot.yamnet.flatbuffer import Yamnet
from training.data.augment import colored_noise
from training.yamnet import MODEL_DIR, MODELS

COLORS = {"blue": -1.0, "white": 0.0, "pink": 1.0, "brown": 2.0}


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    yamnet = Yamnet(MODEL_DIR)
    read = (MODELS / "v1").joinpath
    return Classifier(
        yamnet, load_model(lambda name: read(name).read_bytes(), yamnet.weights_sha256)
    )


def classify(classifier: Classifier, path: Path) -> Classification:
    with path.open("rb") as file, Clip(file) as clip:
        return classifier.classify(clip)


@pytest.mark.parametrize("color", COLORS)
@pytest.mark.parametrize("level_db", [0, -20, -40, -60])
def test_steady_noise_of_any_color_and_level_is_casual(classifier, color, level_db):
    rng = np.random.default_rng(11)
    for seconds in (1.0, 10.0, 40.0):
        noise = colored_noise(int(seconds * SAMPLE_RATE), COLORS[color], rng)
        noise *= np.float32(10 ** (level_db / 20)) / np.abs(noise).max()
        found = classifier.predict([noise]).prediction
        assert found.label is Label.CASUAL, f"{found} in {seconds} s"


def test_a_knock_in_hiss_60_db_down_is_casual(classifier, cases):
    result = classify(classifier, cases / "k00_white_hiss_-60dB_one_knock.wav")
    assert result.label is Label.CASUAL
    assert result.events == ()


@pytest.mark.parametrize("name", ["k12_gunshot_100ms", "k12_gunshot_200ms"])
def test_a_tenth_of_a_second_of_a_gunshot_is_no_certain_casual_clip(classifier, cases, name):
    result = classify(classifier, cases / f"{name}.wav")
    assert result.label is Label.GUNSHOT or result.uncertain


@pytest.mark.parametrize("name", ["k12_gunshot_400ms", "control_gunshots", "control_siren"])
def test_no_event_ends_after_its_clip(classifier, cases, name):
    result = classify(classifier, cases / f"{name}.wav")
    assert all(event.end_s <= result.duration_s for event in result.events)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("control_gunshots", Label.GUNSHOT),
        ("control_siren", Label.SIREN),
        ("control_knock_in_silence", Label.CASUAL),
    ],
)
def test_what_is_easy_stays_right(classifier, cases, name, label):
    assert classify(classifier, cases / f"{name}.wav").label is label
