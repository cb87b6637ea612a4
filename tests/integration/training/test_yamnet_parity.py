"""The road of serving (numpy front end, LiteRT) against the TensorFlow reference."""

from __future__ import annotations

import io
import json
import shutil
from hashlib import sha256
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from earshot.audio.clip import Clip
from earshot.audio.log_mel import PATCH_HOP_FRAMES, SAMPLE_RATE, log_mel_spectrogram, patch_batches
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import CLASS_MAP_NAME, DESCRIPTION_NAME, FLATBUFFER_NAME, Yamnet
from training.data.demo_sounds import siren
from training.yamnet import ADAPTATION, MODEL_DIR
from training.yamnet.adapted import adapted
from training.yamnet.convert import convert, fetch, to_flatbuffer
from training.yamnet.network import (
    BLOCKS,
    build_network,
    load_network,
    read_weights,
    reference_log_mel,
    reference_patches,
)
from training.yamnet.weights import HUB_HANDLE, obtain_saved_model

TIME = np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE
WAVEFORMS = {
    "noise": 0.3 * np.random.default_rng(0).standard_normal(len(TIME)),
    "sine": 0.5 * np.sin(2 * np.pi * 1000 * TIME),
    "zeros": np.zeros(len(TIME)),
    "siren": siren(5.0),
}
SESA_CLIPS = ("train/casual_001.wav", "train/gunshot_001.wav", "train/siren_001.wav")


@pytest.fixture(scope="module")
def yamnet() -> Yamnet:
    return Yamnet(MODEL_DIR)


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory):
    """YAMNet in TensorFlow, from the published weights."""
    saved_model = obtain_saved_model(HUB_HANDLE, tmp_path_factory.mktemp("weights"))
    return load_network(read_weights(saved_model.folder))


@pytest.fixture(scope="module")
def adapted_reference(tmp_path_factory: pytest.TempPathFactory):
    """The same with the trained tail."""
    saved_model = obtain_saved_model(HUB_HANDLE, tmp_path_factory.mktemp("weights"))
    return load_network(adapted(read_weights(saved_model.folder), ADAPTATION))


@pytest.fixture(scope="module")
def in_float(reference, tmp_path_factory: pytest.TempPathFactory) -> Yamnet:
    """YAMNet as converted, before its convolutions are brought to 8 bits."""
    folder = tmp_path_factory.mktemp("float")
    shutil.copy(MODEL_DIR / CLASS_MAP_NAME, folder)
    flatbuffer = to_flatbuffer(reference)
    (folder / FLATBUFFER_NAME).write_bytes(flatbuffer)
    description = json.loads((MODEL_DIR / DESCRIPTION_NAME).read_text())
    description["flatbuffer_sha256"] = sha256(flatbuffer).hexdigest()
    (folder / DESCRIPTION_NAME).write_text(json.dumps(description))
    return Yamnet(folder)


@pytest.fixture(params=[*WAVEFORMS, *SESA_CLIPS])
def waveform(request: pytest.FixtureRequest) -> np.ndarray:
    if request.param in WAVEFORMS:
        return WAVEFORMS[request.param].astype(np.float32)
    clip = request.getfixturevalue("sesa") / request.param
    return soundfile.read(clip, dtype="float32")[0][: 10 * SAMPLE_RATE]


def test_log_mel_is_that_of_tf_signal(waveform):
    expected = reference_log_mel(tf.constant(waveform)).numpy()
    assert log_mel_spectrogram(waveform) == pytest.approx(expected, abs=1e-5)


def test_embeddings_and_scores_are_those_of_the_tensorflow_network(waveform, in_float, reference):
    patches = reference_patches(tf.constant(waveform))
    embeddings, scores = reference(patches, training=False)
    (batch,) = list(patch_batches([waveform]))[:1]
    output = in_float(batch.patches)
    n_whole = len(patches)  # ours has a last patch more where the hop does not divide the clip
    assert batch.starts[:n_whole] == pytest.approx(np.arange(n_whole) * PATCH_HOP_FRAMES * 0.01)
    assert output.embeddings[:n_whole] == pytest.approx(embeddings.numpy(), abs=1e-3)
    assert output.scores[:n_whole] == pytest.approx(scores.numpy(), abs=1e-3)


def test_the_pointwise_convolutions_and_nothing_else_are_in_eight_bits():
    interpreter = Interpreter(str(MODEL_DIR / FLATBUFFER_NAME))
    in_int8 = [t["shape"] for t in interpreter.get_tensor_details() if t["dtype"] is np.int8]
    assert len(in_int8) == len(BLOCKS)
    assert {tuple(shape[1:3]) for shape in in_int8} == {(1, 1)}
    assert sorted(shape[0] for shape in in_int8) == sorted(channels for _, channels in BLOCKS)


@pytest.mark.long
def test_converting_the_published_weights_gives_the_committed_flatbuffer(tmp_path: Path):
    build_network()  # Keras counts layers: no name in the flatbuffer may depend on what was before
    convert(fetch(HUB_HANDLE), tmp_path / "yamnet", ADAPTATION)
    for name in (FLATBUFFER_NAME, CLASS_MAP_NAME):
        made, kept = (tmp_path / "yamnet" / name).read_bytes(), (MODEL_DIR / name).read_bytes()
        assert sha256(made).hexdigest() == sha256(kept).hexdigest(), name


def test_eight_bit_convolutions_hardly_turn_an_embedding(waveform, yamnet, adapted_reference):
    patches = reference_patches(tf.constant(waveform))
    embeddings, scores = (output.numpy() for output in adapted_reference(patches, training=False))
    served = yamnet(patches.numpy())
    cosines = np.einsum("ij,ij->i", served.embeddings, embeddings) / (
        np.linalg.norm(served.embeddings, axis=1) * np.linalg.norm(embeddings, axis=1)
    )
    assert cosines.min() > 0.99  # within 8 degrees
    assert served.scores == pytest.approx(scores, abs=0.15)


def test_a_patch_gives_the_same_output_whatever_stands_beside_it(yamnet):
    rng = np.random.default_rng(0)
    loudness = np.linspace(0.2, 2, 8)[:, None, None]
    patches = (rng.normal(-3, 1, (8, 96, 64)) * loudness).astype(np.float32)
    alone = np.concatenate([yamnet(patches[n : n + 1]).embeddings for n in range(8)])
    assert (alone == yamnet(patches).embeddings).all()


@pytest.mark.long
@pytest.mark.parametrize(("rate", "channels"), [(48_000, 2), (44_100, 1), (22_050, 1), (8_000, 1)])
def test_a_wav_of_any_rate_is_embedded_as_librosa_would_prepare_it(
    rate, channels, in_float, reference
):
    """librosa decodes, mixes and resamples by itself; TensorFlow makes patches and embeddings."""
    original = librosa.resample(siren(4.0), orig_sr=SAMPLE_RATE, target_sr=rate)
    samples = np.stack([original, 0.5 * original], axis=1)[:, :channels]
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype="PCM_24")
    file.seek(0)
    mono, _ = librosa.load(file, sr=None, mono=True)
    at_full_scale = librosa.util.normalize(mono)
    waveform = librosa.resample(at_full_scale, orig_sr=rate, target_sr=SAMPLE_RATE)
    expected, _ = reference(reference_patches(tf.constant(waveform)), training=False)
    file.seek(0)
    with Clip(file) as clip:
        embeddings = embed_whole(clip.waveform_blocks(), in_float).embeddings
    assert embeddings[: len(expected)] == pytest.approx(expected.numpy(), abs=1e-3)


def test_a_siren_of_sesa_is_a_siren_to_yamnet_itself(sesa: Path, yamnet):
    with (sesa / "train" / "siren_001.wav").open("rb") as file, Clip(file) as clip:
        scores = embed_whole(clip.waveform_blocks(), yamnet).scores.max(axis=0)
    top = [yamnet.class_names[i] for i in np.argsort(scores)[::-1][:5]]
    assert "Siren" in top
