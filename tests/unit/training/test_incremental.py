"""Fitting for a retraining: what comes of the parent, and what is learned."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

from earshot.labels import Label
from earshot.model.head import Head
from tests.unit.training.feature_sets import together
from training.data.clip_features import ClipFeatures, ClipRecord
from training.data.feature_set import FeatureSet
from training.head import incremental
from training.head.export import KERAS_NAME, read_network, write_version
from training.head.network import as_head

RNG = np.random.default_rng(0)
BIASES = np.array([0, 0.5, -0.25, 1], np.float32)


def clips(n_each: int, patches: int = 3) -> FeatureSet:
    """Clips whose label is easily predicted from their embeddings."""
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
        return incremental.fit(clips(16), unlearned=np.zeros(64, bool))


@pytest.fixture
def parent(fitted: incremental.Fit, tmp_path: Path) -> incremental.Parent:
    """Calibrated, and read from its file."""
    write_version(tmp_path / "v1", fitted.head.to_arrays(), fitted.network, {}, {"notes": b"x"})
    network = read_network((tmp_path / "v1" / KERAS_NAME).read_bytes())
    return incremental.Parent("v1", calibrated(fitted.head), network, {})


def calibrated(head: Head) -> Head:
    return replace(
        head,
        bias_1=head.bias_1 + BIASES,
        temperature=1.7,
        alert_thresholds=np.array([0.6, 0.7, 0.8, 0.9], np.float32),
        length_slopes=np.array([0, 0.1, 0.2, 0.3], np.float32),
        pair_shares=np.array([0.5, 0.6, 0.7, 0.8], np.float32),
    )


def test_it_learns_to_tell_labels_apart(fitted: incremental.Fit) -> None:
    new = clips(5)
    probabilities = incremental.clip_probabilities(fitted.head, new)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == new.labels).mean() > 0.9


def test_a_network_survives_its_way_through_a_file(
    fitted: incremental.Fit, parent: incremental.Parent
) -> None:
    assert parent.network is not None
    rows = RNG.random((5, 3, 1024)).astype(np.float32), RNG.random((5, 3, 20)).astype(np.float32)
    same = parent.network(rows, training=False) - fitted.network(rows, training=False)
    assert np.abs(same).max() < 1e-5


def test_a_file_of_a_network_holds_no_optimizer(fitted: incremental.Fit, tmp_path: Path) -> None:
    write_version(tmp_path / "v1", fitted.head.to_arrays(), fitted.network, {}, {})
    weights = fitted.network.count_params() * 4
    assert (tmp_path / "v1" / KERAS_NAME).stat().st_size < 1.5 * weights


def test_what_is_calibrated_is_the_parents_if_little_is_new(parent: incremental.Parent) -> None:
    new = clips(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        patch.setattr(incremental, "LEARNING_RATE_FROM_PARENT", 0.0)
        after = incremental.fit(new, parent)
    assert after.chosen_anew == ()
    assert after.head.temperature == parent.head.temperature
    assert (after.head.alert_thresholds == parent.head.alert_thresholds).all()
    assert (after.head.length_slopes == parent.head.length_slopes).all()
    assert (after.head.pair_shares == parent.head.pair_shares).all()
    shift = after.head.bias_1 - as_head(after.network).bias_1
    np.testing.assert_allclose(shift, BIASES, atol=1e-5)


def test_the_temperature_is_chosen_on_enough_new_clips_and_alert_thresholds_never(
    parent: incremental.Parent,
) -> None:
    new = clips(400, patches=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        assert incremental.fit(new, parent, unlearned=np.zeros(1600, bool)).chosen_anew == ()
        after = incremental.fit(new, parent)
    assert after.chosen_anew == ("temperature",)
    assert (after.head.alert_thresholds == parent.head.alert_thresholds).all()


def last_kernel(network: keras.Model) -> np.ndarray:
    return network.get_layer("logits").get_weights()[0].copy()


def test_what_the_parent_knows_does_not_pull_it_away(parent: incremental.Parent) -> None:
    before = last_kernel(parent.network)
    other = replace(clips(8), labels=np.roll(clips(8).labels, 1))  # whatever labels say
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 3)
        after = incremental.fit(other, parent, known=np.ones(32, bool)).network
    np.testing.assert_allclose(last_kernel(after), before, atol=1e-3)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_it_goes_a_share_of_the_way_to_what_is_new(
    parent: incremental.Parent, share: float
) -> None:
    before = last_kernel(parent.network)
    other = replace(clips(8), labels=np.roll(clips(8).labels, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 3)
        patch.setattr(incremental, "SHARE_OF_THE_WAY", share)
        after = last_kernel(incremental.fit(other, parent).network)
    assert np.allclose(after, before, atol=1e-6) is (share == 0)


def test_the_parent_stays_as_it_is(parent: incremental.Parent) -> None:
    assert parent.network is not None
    before = parent.network.get_weights()
    new = clips(5)
    corrected = np.arange(len(new.labels)) < 3
    incremental.fit(new, parent, corrected=corrected)
    for was, now in zip(before, parent.network.get_weights(), strict=True):
        np.testing.assert_array_equal(now, was)


def test_without_a_network_it_starts_afresh_and_keeps_the_thresholds(
    parent: incremental.Parent,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        after = incremental.fit(clips(4), replace(parent, network=None))
    assert (after.head.alert_thresholds == parent.head.alert_thresholds).all()
    assert after.parameters["learning_rate"] == incremental.LEARNING_RATE


def test_one_recording_validates_what_is_learned_from_it() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        assert incremental.fit(clips(1)).curves["val_loss"]


def features(*lengths: int) -> ClipFeatures:
    labels = [Label.SIREN, Label.CASUAL] * len(lengths)
    records = tuple(
        ClipRecord(f"{i:064}", labels[i], f"{i}", n, 1.0) for i, n in enumerate(lengths)
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


def test_corrections_are_learned_and_the_network_is_that_of_the_head(
    parent: incremental.Parent,
) -> None:
    known, new = clips(8), clips(2)
    new = replace(new, labels=np.roll(new.labels, 1))  # whatever the parent classifies them as
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        after = incremental.fit(
            together(known, new),
            parent,
            known=np.arange(40) < 32,
            corrected=np.arange(40) >= 32,
        )
    found = incremental.clip_probabilities(after.head, new).argmax(axis=1)
    assert (found == new.labels).all()
    of_network = as_head(after.network)
    np.testing.assert_allclose(of_network.kernel_mean, after.head.kernel_mean, atol=1e-5)
    np.testing.assert_allclose(of_network.bias_1 + BIASES, after.head.bias_1, atol=1e-4)


def test_what_was_corrected_before_is_kept_as_all_else_is(parent: incremental.Parent) -> None:
    known, corrected = np.array([True, True, False, False]), np.array([False, True, True, False])
    given: dict[str, list[str]] = {}

    def refit(head: Head, lesson: FeatureSet, replay: FeatureSet) -> Head:
        given.update(lesson=lesson.groups.tolist(), replay=replay.groups.tolist())
        return head

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(incremental, "MAX_EPOCHS", 1)
        patch.setattr(incremental, "refit", refit)
        incremental.fit(clips(1), parent, known=known, corrected=corrected)
    assert given == {"lesson": ["2"], "replay": ["0", "1", "3"]}
