"""YAMNet's tail: taken apart, trained, kept and put back."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import keras
import numpy as np
import pytest
import scipy
from ai_edge_litert.interpreter import Interpreter

from earshot.model.head import normalized
from earshot.yamnet.embedding import embed_whole
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME
from training.adaptation.adapt import (
    adapt,
    embed_taps,
    group_units,
    mix,
    normalized_tensor,
)
from training.adaptation.sampling import AdaptationConfig, Sampler
from training.adaptation.taps import TapFiles, TappedYamnet, Taps
from training.data import demo_sounds
from training.data.feature_set import FeatureSet
from training.head.network import Inputs, NetworkConfig
from training.head.score_groups import score_groups
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
            np.testing.assert_allclose(layer[name], tensor, rtol=1e-4, atol=1e-5, err_msg=name)


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


def test_embeddings_and_score_groups_are_those_of_serving(patches):
    embeddings = np.abs(patches.reshape(-1, 1024))
    assert keras.ops.convert_to_numpy(normalized_tensor(embeddings)) == pytest.approx(
        normalized(embeddings), rel=1e-5
    )
    logits = np.random.default_rng(1).normal(-4, 5, (6, 521)).astype(np.float32)
    served = score_groups().units(scipy.special.expit(logits))
    assert keras.ops.convert_to_numpy(group_units(logits)) == pytest.approx(served, abs=1e-3)


@pytest.fixture(scope="module")
def tapped_clips(published, tmp_path_factory) -> tuple[FeatureSet, Taps]:
    """A few synthesised clips of three labels, and their taps."""
    folder = tmp_path_factory.mktemp("taps")
    convert(published, folder / "yamnet", adaptation=None, tap=True)
    yamnet, files = TappedYamnet(folder / "yamnet"), TapFiles(folder)
    embedded, labels = [], []
    for seed in range(4):
        for label, sound in demo_sounds.MAKERS.items():
            embedded.append(embed_whole([sound(seed=seed).astype(np.float32)], yamnet))
            files.append("clips", yamnet.take())
            labels.append(label)
    groups = [str(n) for n in range(len(labels))]
    return FeatureSet.of(embedded, labels, groups, [1.0] * len(labels)), files.of("clips")


def of_tail(clips: FeatureSet, taps: Taps, tail: keras.Sequential, published) -> FeatureSet:
    """The clips with the embeddings and scores of a tail."""
    embeddings, scores = embed_taps(taps, tail, published.layers[-1])
    return replace(
        clips, embeddings=embeddings.astype(np.float32), scores=scores.astype(np.float32)
    )


@pytest.mark.long
def test_there_is_a_tap_for_each_patch_and_the_tail_makes_its_embedding_of_it(
    published, tapped_clips
):
    clips, taps = tapped_clips
    assert len(taps) == len(clips.embeddings)
    again = of_tail(clips, taps, build_tail(published.layers), published)
    cosines = (
        normalized(again.embeddings.astype(np.float32))
        * normalized(clips.embeddings.astype(np.float32))
    ).sum(axis=1) / 32**2
    assert cosines.min() > 0.99  # bfloat16 here, eight bits there
    assert np.abs(again.scores - clips.scores).max() < 0.1


SMALL = AdaptationConfig(
    head=NetworkConfig(batch_clips=24, patches_per_clip=3, dropout=0.1, branch_dropout=0.0),
    steps=60,
)


def test_a_batch_has_its_share_of_casual_clips_and_the_rest_alike(tapped_clips):
    clips, taps = tapped_clips
    batch = Sampler(clips, taps, SMALL, seed=5).draw()
    counts = np.bincount(clips.labels[batch.clips], minlength=4)
    present = np.unique(clips.labels)
    threats = [counts[k] for k in present if k]
    assert counts.sum() == 24
    assert max(threats) == min(threats)
    assert counts[0] == 24 - sum(threats)
    assert batch.taps.shape == (24, 3, 6, 4, 512)
    assert ((batch.shares >= 0.5) & (batch.shares <= 1)).all()


def test_casual_clips_that_the_network_is_wrong_about_are_drawn_more_often(tapped_clips):
    clips, taps = tapped_clips
    clips = replace(clips, labels=np.zeros_like(clips.labels))
    sampler = Sampler(clips, taps, replace(SMALL, hard_share=1.0, mixup=1e-3), seed=5)
    for _ in range(40):
        batch = sampler.draw()
        sampler.note(batch, np.where(batch.clips == 2, 5.0, 0.0).astype(np.float32))
    drawn = np.bincount(sampler.draw().clips, minlength=len(clips.labels))
    assert drawn[2] > 24 / 3


def test_patches_of_a_known_event_are_drawn_first(tapped_clips):
    clips, taps = tapped_clips
    known = np.zeros(len(clips.embeddings), np.int8)
    events = clips.offsets[:-1] + 1
    known[events] = 1
    batch = Sampler(replace(clips, known=known), taps, SMALL, seed=5).draw()
    for clip, of_taps in zip(batch.clips, batch.taps, strict=True):
        assert (of_taps[0] == taps[np.array([events[clip]])][0]).all()
    labels = clips.labels[batch.clips]
    assert (batch.patch_labels[:, 0].argmax(axis=1) == labels).all()
    assert (batch.known == 1).all()


def test_clips_are_mixed_in_twos():
    of_clips = np.arange(3, dtype=np.float32)[:, None]
    mixed = keras.ops.convert_to_numpy(mix(of_clips, np.array([1, 0.5, 0.75], np.float32)))
    assert mixed[:, 0].tolist() == [0, 0.5, 0.75 * 2 + 0.25 * 1]


@pytest.mark.long
def test_a_trained_tail_and_its_head_tell_their_clips_apart(published, tapped_clips):
    clips, taps = tapped_clips
    tail, network = adapt(clips, taps, published.layers, SMALL, seed=0)
    again = of_tail(clips, taps, tail, published)
    inputs = Inputs.from_clips(again)
    guesses = [
        network([of[None] for of in inputs.of(np.arange(begin, end))], training=False)
        .numpy()
        .argmax()
        for begin, end in pairwise(clips.offsets)
    ]
    assert guesses == clips.labels.tolist()
    assert np.abs(again.embeddings - clips.embeddings).max() > 0.01


@pytest.mark.long
def test_scores_that_are_held_move_less(published, tapped_clips):
    clips, taps = tapped_clips
    moved = {}
    for weight in (0.0, 1.0):
        config = replace(SMALL, score_weight=weight, steps=20)
        tail, _ = adapt(clips, taps, published.layers, config, seed=0)
        again = of_tail(clips, taps, tail, published)
        moved[weight] = np.abs(again.scores - clips.scores).mean()
    assert moved[1.0] < 0.7 * moved[0.0]
