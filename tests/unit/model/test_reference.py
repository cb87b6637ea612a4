"""How far sound is from what a version was trained with."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest

from earshot.audio.clip import Clip
from earshot.classification.classifier import Classifier
from earshot.errors import ModelError
from earshot.model import reference
from earshot.model.head import EMBEDDING_NORM, Floats, normalized
from earshot.model.loading import load_model
from earshot.model.reference import N_DIRECTIONS, Reference
from earshot.yamnet.flatbuffer import N_EMBEDDING, Yamnet
from local.settings import FIRST_MODEL, YAMNET
from training.data.demo_sounds import everyday

SECONDS = 4
ALARM = 1.25  # of EmbeddingDistanceAlarm


def test_a_clip_of_the_mean_is_at_0_and_one_patch_of_training_at_1_on_average() -> None:
    rng = np.random.default_rng(0)
    axes = np.linalg.qr(rng.standard_normal((N_EMBEDDING, N_DIRECTIONS)))[0].T
    center = rng.standard_normal(N_EMBEDDING) * 10
    # Unlike in each direction, and hardly at all in any other.
    spread = np.geomspace(1, 3, N_DIRECTIONS)
    patches = center + (rng.standard_normal((3000, N_DIRECTIONS)) * spread) @ axes
    found = Reference.of(patches.astype(np.float32))
    units = normalized(patches.astype(np.float32))
    assert found.distance(units.mean(axis=0)) == pytest.approx(0, abs=0.01)
    each = np.array([found.distance(one) for one in units])
    assert np.sqrt((each**2).mean()) == pytest.approx(1, abs=0.05)
    # Twice the standard deviation along one axis alone is 2 / sqrt(64) of all of them.
    scale = EMBEDDING_NORM / np.linalg.norm(center)
    aside = units.mean(axis=0) + 2 * spread[-1] * scale * axes[-1]
    assert found.distance(aside.astype(np.float32)) == pytest.approx(2 / 8, rel=0.1)


def test_a_few_patches_have_fewer_directions() -> None:
    patches = np.random.default_rng(1).random((5, N_EMBEDDING), np.float32)
    found = Reference.of(patches)
    assert np.isfinite(found.distance(normalized(patches)[0]))
    assert not found.directions[:, 5:].any()


def test_it_is_in_the_head_and_read_as_it_was_written() -> None:
    patches = np.random.default_rng(2).random((100, N_EMBEDDING), np.float32)
    written = Reference.of(patches)
    read = Reference.from_arrays(written.to_arrays())
    assert read is not None
    mean = normalized(patches)[:10].mean(axis=0)
    assert read.distance(mean) == pytest.approx(written.distance(mean), rel=0.01)
    assert Reference.from_arrays({}) is None


@pytest.mark.parametrize(
    ("mean", "directions"),
    [
        (np.zeros(3, np.float16), np.zeros((N_EMBEDDING, N_DIRECTIONS), np.float16)),
        (np.full(N_EMBEDDING, np.nan, np.float16), np.zeros((N_EMBEDDING, N_DIRECTIONS), "f2")),
        (np.zeros(N_EMBEDDING, "U1"), np.zeros((N_EMBEDDING, N_DIRECTIONS), np.float16)),
    ],
)
def test_a_damaged_one_refuses_the_version(mean: Floats, directions: Floats) -> None:
    with pytest.raises(ModelError):
        Reference.from_arrays({reference.MEAN: mean, reference.DIRECTIONS: directions})


@pytest.fixture(scope="module")
def yamnet() -> Yamnet:
    return Yamnet(YAMNET)


@pytest.fixture(scope="module")
def released(yamnet: Yamnet) -> Reference:
    found = reference.bundled(YAMNET, yamnet.weights_sha256)
    assert found is not None
    return found


def test_the_bundled_one_is_of_what_the_released_version_was_trained_with(
    released: Reference,
) -> None:
    with np.load(FIRST_MODEL / "replay.npz") as replay:
        embeddings = replay["embeddings"]
    again = Reference.of(embeddings)
    for rows in (slice(0, 20), slice(500, 510), slice(3000, 3001)):
        mean = normalized(embeddings[rows].astype(np.float32)).mean(axis=0)
        assert released.distance(mean) == pytest.approx(again.distance(mean), rel=0.01)


def test_the_bundled_one_is_for_no_other_yamnet(tmp_path: Path) -> None:
    assert reference.bundled(YAMNET, "0" * 64) is None
    assert reference.bundled(tmp_path, "0" * 64) is None


def clip_of(waveform: Floats) -> Clip:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16000)
        out.writeframes(np.rint(np.clip(waveform, -1, 1) * 32767).astype("<i2").tobytes())
    file.seek(0)
    return Clip(file)


def test_a_microphone_that_hums_or_hisses_is_farther_from_training_than_ordinary_sound(
    yamnet: Yamnet, released: Reference
) -> None:
    model = load_model(lambda name: (FIRST_MODEL / name).read_bytes(), yamnet.weights_sha256)
    classifier = Classifier(yamnet, model, released)
    seconds = np.arange(16000 * SECONDS, dtype=np.float32) / 16000
    hum = np.asarray(0.3 * np.sign(np.sin(2 * np.pi * 50 * seconds)), np.float32)
    hiss = np.random.default_rng(4).normal(0, 0.2, len(seconds)).astype(np.float32)

    def distance(waveform: Floats) -> float:
        with clip_of(waveform) as clip:
            found = classifier.classify(clip).distance
        assert found is not None
        return found

    ordinary = distance(np.asarray(everyday(), np.float32))
    assert ordinary < ALARM < distance(hum)
    assert ordinary < distance(hiss)


def test_without_a_reference_there_is_no_distance(yamnet: Yamnet) -> None:
    model = load_model(lambda name: (FIRST_MODEL / name).read_bytes(), yamnet.weights_sha256)
    assert model.reference is None
    with clip_of(np.zeros(16000, np.float32)) as clip:
        assert Classifier(yamnet, model).classify(clip).distance is None
