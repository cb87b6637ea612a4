"""Fitting for a retraining: what comes of the parent, and what is learnt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from earshot.labels import Label
from earshot.model.head import Head
from training.data.clip_features import ClipFeatures, ClipRecord
from training.data.feature_set import FeatureSet
from training.head import incremental
from training.head.export import KERAS_NAME, read_networks, write_version
from training.head.fitting import served

RNG = np.random.default_rng(0)
BIASES = np.array([0, 0.5, -0.25, 1], np.float32)


def clips(n_each: int, patches: int = 3) -> FeatureSet:
    """Clips whose label is easily told from their embeddings."""
    labels = np.tile(np.arange(4), n_each)
    embeddings = RNG.random((len(labels) * patches, 1024)).astype(np.float32)
    embeddings[np.arange(len(embeddings)), np.repeat(labels, patches)] += 10
    return FeatureSet(
        embeddings=embeddings,
        scores=RNG.random((len(embeddings), 521)).astype(np.float32),
        lengths=np.full(len(labels), patches),
        labels=labels,
        weights=np.ones(len(labels), np.float32),
        groups=np.arange(len(labels)).astype(np.str_),
    )


@pytest.fixture(scope="module")
def fitted() -> incremental.Fit:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 10)
        return incremental.fit(clips(16), unheard=np.zeros(64, bool))


@pytest.fixture
def parent(fitted: incremental.Fit, tmp_path: Path) -> incremental.Parent:
    """Calibrated, and read from its file."""
    write_version(tmp_path / "v1", fitted.head.to_arrays(), fitted.networks, {}, {"notes": b"x"})
    networks = read_networks((tmp_path / "v1" / KERAS_NAME).read_bytes())
    return incremental.Parent("v1", calibrated(fitted.head), networks, {})


def calibrated(head: Head) -> Head:
    return replace(
        head,
        embedding=replace(head.embedding, bias_1=head.embedding.bias_1 + BIASES),
        temperature=1.7,
        event_thresholds=np.array([np.inf, 3, 4, 5], np.float32),
    )


def test_it_learns_to_tell_labels_apart(fitted: incremental.Fit) -> None:
    new = clips(5)
    probabilities = incremental.clip_probabilities(fitted.head, new)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == new.labels).mean() > 0.9


def test_networks_survive_their_way_through_a_file(
    fitted: incremental.Fit, parent: incremental.Parent
) -> None:
    assert parent.networks is not None
    assert sorted(parent.networks) == sorted(fitted.networks)
    assert {"embedding_0", "score_0"} <= parent.networks.keys()
    rows = RNG.random((5, 3, 1024)).astype(np.float32)
    for name in parent.networks:
        if name.startswith("embedding"):
            same = parent.networks[name](rows) - fitted.networks[name](rows)
            assert np.abs(same).max() < 1e-5


def test_a_file_of_networks_holds_no_optimiser(fitted: incremental.Fit, tmp_path: Path) -> None:
    write_version(tmp_path / "v1", fitted.head.to_arrays(), fitted.networks, {}, {})
    weights = sum(network.count_params() for network in fitted.networks.values()) * 4
    assert (tmp_path / "v1" / KERAS_NAME).stat().st_size < 1.5 * weights


def test_what_is_calibrated_is_the_parents_if_little_is_new(parent: incremental.Parent) -> None:
    new = clips(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        patch.setattr(incremental, "LEARNING_RATE_FROM_PARENT", 0.0)
        after = incremental.fit(new, parent)
    assert after.chosen_anew == ()
    assert after.head.temperature == parent.head.temperature
    assert (after.head.event_thresholds == parent.head.event_thresholds).all()
    bias = np.asarray(served(after.networks, "embedding").bias_1)
    shift = np.asarray(after.head.embedding.bias_1) - bias
    np.testing.assert_allclose(shift, BIASES, atol=1e-5)


def test_temperature_and_thresholds_are_chosen_on_enough_new_clips(
    parent: incremental.Parent,
) -> None:
    new = clips(400, patches=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        assert incremental.fit(new, parent, unheard=np.zeros(1600, bool)).chosen_anew == ()
        after = incremental.fit(new, parent)
    assert after.chosen_anew == ("thresholds", "temperature")
    assert np.isinf(after.head.event_thresholds[0])
    assert np.isfinite(after.head.event_thresholds[1:]).all()


def kernels(networks: Mapping[str, keras.Model]) -> dict[str, np.ndarray]:
    return {name: net.get_layer("logits").get_weights()[0].copy() for name, net in networks.items()}


def test_what_the_parent_knows_does_not_pull_it_away(parent: incremental.Parent) -> None:
    assert parent.networks is not None
    before = kernels(parent.networks)
    other = replace(clips(8), labels=np.roll(clips(8).labels, 1))  # whatever labels say
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 3)
        after = kernels(incremental.fit(other, parent, known=np.ones(32, bool)).networks)
    for name, kernel in before.items():
        np.testing.assert_allclose(after[name], kernel, atol=1e-3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_it_goes_a_share_of_the_way_to_what_is_new(
    parent: incremental.Parent, share: float
) -> None:
    assert parent.networks is not None
    before = kernels(parent.networks)
    other = replace(clips(8), labels=np.roll(clips(8).labels, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 3)
        patch.setattr(incremental, "SHARE_OF_THE_WAY", share)
        after = kernels(incremental.fit(other, parent).networks)
    moved = [not np.allclose(after[name], kernel, atol=1e-6) for name, kernel in before.items()]
    assert any(moved) is (share > 0)


def test_without_networks_it_starts_afresh_and_keeps_the_weighting(
    parent: incremental.Parent,
) -> None:
    head = replace(parent.head, score_weight=0.25)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        after = incremental.fit(clips(4), replace(parent, head=head, networks=None))
    assert after.head.score_weight == after.parameters["score_weight"] == 0.25
    assert after.parameters["score"]["learning_rate"] == incremental.LEARNING_RATE


def test_one_recording_validates_what_is_learnt_from_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        assert incremental.fit(clips(1)).curves["score_0 val_loss"]


def features(*lengths: int) -> ClipFeatures:
    labels = [Label.SIREN, Label.CASUAL] * len(lengths)
    records = tuple(
        ClipRecord(f"{i:064}", labels[i], f"{i}", "", False, False, None, None, n, 1.0)
        for i, n in enumerate(lengths)
    )
    rows = np.arange(sum(lengths), dtype=np.float16)[:, None]
    return ClipFeatures(records, np.repeat(rows, 1024, axis=1), np.repeat(rows, 521, axis=1))


def test_a_shortened_clip_keeps_patches_from_all_over_it() -> None:
    short = features(1, 9, 4).shortened(3)
    assert short.lengths.tolist() == [1, 3, 3]
    assert short.embeddings[:, 0].tolist() == [0, 2, 5, 8, 10, 12, 13]


def test_thinning_takes_clips_of_all_labels() -> None:
    thin = features(4, 4, 4, 4).thinned(9)
    assert [clip.label for clip in thin.clips] == ["siren", "casual"]
