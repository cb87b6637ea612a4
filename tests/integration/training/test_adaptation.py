"""YAMNet's tail: taken apart, trained, kept and put back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from earshot.model.head import normalised
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME
from training.adaptation.adapt import (
    AdaptationConfig,
    Mixed,
    Normalised,
    TapBatches,
    adapt,
    hear_again,
)
from training.adaptation.recipe import Variant, at_full_scale, hearing
from training.adaptation.taps import TapFiles, TappedYamnet, Taps
from training.data import demo_sounds
from training.data.feature_set import FeatureSet
from training.head.fitting import HeadConfig
from training.yamnet import ADAPTATION, MODEL_DIR
from training.yamnet.adapted import adapted, write_adaptation
from training.yamnet.convert import Published, convert, fetch
from training.yamnet.network import load_network
from training.yamnet.tail import build_tail, tapped, weights_of, with_tail
from training.yamnet.weights import HUB_HANDLE


@pytest.fixture(scope="module")
def published() -> Published:
    return fetch(HUB_HANDLE)


@pytest.fixture(scope="module")
def patches() -> np.ndarray:
    return np.random.default_rng(0).normal(-2, 1.5, (8, 96, 64)).astype(np.float32)


def test_trunk_and_tail_together_are_the_network(published, patches):
    embeddings, _, taps = tapped(load_network(published.layers))(patches, training=False)
    tail = build_tail(published.layers)
    for layer in tail.layers:
        layer.dtype_policy = "float32"  # it is the structure that is compared, not the rounding
    assert tail.predict_on_batch(taps.numpy()) == pytest.approx(embeddings.numpy(), abs=1e-3)


def test_an_untrained_tail_put_back_is_the_published_network(published):
    again = with_tail(published.layers, weights_of(build_tail(published.layers)))
    for layer, original in zip(again, published.layers, strict=True):
        for name, tensor in original.items():
            assert layer[name] == pytest.approx(tensor, rel=1e-4, abs=1e-5), name


def test_a_tail_that_was_kept_is_the_tail_to_half_a_step(published, tmp_path: Path):
    tail = build_tail(published.layers)
    write_adaptation(tmp_path / "tail.npz", tail)
    kept = adapted(published.layers, tmp_path / "tail.npz")
    for name, weights in weights_of(build_tail(kept)).items():
        original = weights_of(tail)[name]
        step = np.abs(original).max(axis=0) / 127 if "pointwise" in name else 0
        assert (np.abs(weights - original) <= step * 0.51 + np.abs(original) * 2e-3 + 1e-4).all()


def test_the_kernels_that_are_served_are_those_that_are_kept():
    interpreter = Interpreter(str(MODEL_DIR / FLATBUFFER_NAME))
    served = [
        interpreter.get_tensor(tensor["index"]).reshape(tensor["shape"][0], -1)
        for tensor in interpreter.get_tensor_details()
        if tensor["dtype"] is np.int8
    ]
    with np.load(ADAPTATION) as arrays:
        kept = [arrays[name] for name in arrays if arrays[name].dtype == np.int8]
    assert kept
    for kernel in kept:
        same = [
            np.abs(of.T.astype(int) - kernel).max() for of in served if of.T.shape == kernel.shape
        ]
        assert min(same) <= 1


def test_embeddings_are_normalised_as_in_serving(patches):
    embeddings = np.abs(patches.reshape(-1, 1024))
    assert keras.ops.convert_to_numpy(Normalised()(embeddings)) == pytest.approx(
        normalised(embeddings), rel=1e-5
    )


@pytest.fixture(scope="module")
def tapped_clips(published, tmp_path_factory) -> tuple[FeatureSet, Taps]:
    """A few synthesised clips of three labels, and their taps."""
    folder = tmp_path_factory.mktemp("taps")
    convert(published, folder / "yamnet", adaptation=None, tap=True)
    yamnet, files = TappedYamnet(folder / "yamnet"), TapFiles(folder)
    heard, labels = [], []
    for seed in range(4):
        for label, sound in demo_sounds.MAKERS.items():
            heard.append(embed_whole([sound(seed=seed).astype(np.float32)], yamnet))
            files.append("clips", yamnet.take())
            labels.append(label)
    groups = [str(n) for n in range(len(labels))]
    return FeatureSet.of(heard, labels, groups, [1.0] * len(labels)), files.of("clips")


def test_there_is_a_tap_for_each_patch_and_the_tail_makes_its_embedding_of_it(
    published, tapped_clips
):
    clips, taps = tapped_clips
    assert len(taps) == len(clips.embeddings)
    again = hear_again(clips, taps, build_tail(published.layers), published.layers[-1])
    cosines = (normalised(again.embeddings) * normalised(clips.embeddings)).sum(axis=1) / 32**2
    assert cosines.min() > 0.99  # bfloat16 here, eight bits there


def test_a_disturbed_clip_is_to_be_told_as_the_clip_before(published, tmp_path):
    convert(published, tmp_path, adaptation=None, tap=True)
    siren = demo_sounds.siren(seed=1).astype(np.float32)
    hiss = np.random.default_rng(2).normal(0, 0.5, len(siren)).astype(np.float32)
    yamnet = TappedYamnet(tmp_path)
    disturbed = at_full_scale(siren + hiss)
    alone, taps = embed_whole([disturbed], yamnet), yamnet.take()
    clean = embed_whole([at_full_scale(siren)], yamnet)
    heard, of_variant = hearing(tmp_path, tapped=True)(Variant(disturbed, siren))
    assert (heard.embeddings == alone.embeddings).all()
    assert of_variant is not None
    assert (of_variant == taps).all()
    assert (heard.scores == clean.scores).all()
    assert np.abs(clean.scores - alone.scores).max() > 0.1


def test_labels_and_scores_are_mixed_as_the_taps_are(tapped_clips):
    clips, taps = tapped_clips
    config = replace(HeadConfig().embedding, batch_clips=8, patches_per_clip=3)
    batches = TapBatches(taps, clips, config, seed=5, experts=2, mixup=0.3)
    (drawn, shares), (labels, again, scores), (weights, _, of_scores) = batches[0]
    assert labels is again
    assert labels.sum(axis=1) == pytest.approx(np.ones(8))
    assert (shares >= 0.5).all()
    assert shares.min() < 0.99
    mixed = keras.ops.convert_to_numpy(Mixed()(drawn, shares))
    partner = np.roll(np.arange(8), 1)
    for n in range(8):
        expected = shares[n] * drawn[n] + (1 - shares[n]) * drawn[partner[n]]
        assert np.abs(mixed[n] - expected).max() <= 2e-3 * np.abs(expected).max()
        # All weights are one here: the clip's own label has its share, or all where both have it.
        assert labels[n].max() == pytest.approx(shares[n]) or labels[n].max() == pytest.approx(1)
    assert scores.shape == (8, 3, 521)
    assert weights == pytest.approx(np.ones(8))
    assert of_scores == pytest.approx(np.ones(8))


def test_a_trained_tail_and_its_expert_tell_their_clips_apart(published, tapped_clips):
    clips, taps = tapped_clips
    head = replace(HeadConfig(), members=1)
    config = AdaptationConfig(epochs=15)
    tail, (expert,) = adapt(clips, taps, published.layers, head, config)
    again = hear_again(clips, taps, tail, published.layers[-1])
    inputs = np.split(normalised(again.embeddings), clips.offsets[1:-1])
    guesses = [expert(of_clip[None], training=False).numpy().argmax() for of_clip in inputs]
    assert guesses == clips.labels.tolist()
    assert np.abs(again.embeddings - clips.embeddings).max() > 0.01


def test_scores_that_are_held_move_less(published, tapped_clips):
    clips, taps = tapped_clips
    head = replace(HeadConfig(), members=1)
    moved = {}
    for weight in (0.0, 1.0):
        config = AdaptationConfig(epochs=15, score_weight=weight)
        tail, _ = adapt(clips, taps, published.layers, head, config)
        again = hear_again(clips, taps, tail, published.layers[-1])
        moved[weight] = np.abs(again.scores - clips.scores).mean()
    assert moved[1.0] < 0.7 * moved[0.0]
