"""The regression on AudioSet groups, folded into the head's last layer."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from earshot.labels import LABELS
from earshot.yamnet.flatbuffer import N_EMBEDDING, N_SCORES
from training.data.feature_set import FeatureSet
from training.head.group_regression import add_group_regression
from training.head.network import NetworkConfig, as_head, build_network
from training.head.score_groups import GROUPS, score_groups

OF_LABEL = ("speech", "gunshot", "explosion", "siren")


def clips(n_of_label: int = 12, n_patches: int = 3) -> FeatureSet:
    """Clips whose AudioSet scores give the label away, but for some that are wrong."""
    rng = np.random.default_rng(3)
    labels = np.repeat(np.arange(len(LABELS)), n_of_label)
    scores = rng.uniform(0.001, 0.2, (len(labels), n_patches, N_SCORES)).astype(np.float32)
    for n, label in enumerate(labels):
        shown = int(rng.integers(4)) if n % 6 == 0 else label
        scores[n, :, GROUPS[OF_LABEL[shown]][0]] = rng.uniform(0.5, 0.9, n_patches)
    return FeatureSet(
        embeddings=rng.standard_normal((len(labels) * n_patches, N_EMBEDDING)).astype(np.float32),
        scores=scores.reshape(-1, N_SCORES),
        lengths=np.full(len(labels), n_patches),
        labels=labels,
        weights=np.ones(len(labels), np.float32),
        groups=np.arange(len(labels)).astype(str),
    )


def float32(values: NDArray[np.floating]) -> NDArray[np.float32]:
    return values.astype(np.float32)


def logits(network: keras.Model, of: FeatureSet, n_patches: int = 3) -> NDArray[np.float32]:
    embeddings = of.embeddings.reshape(-1, n_patches, N_EMBEDDING)
    groups = score_groups().units(float32(of.scores)).reshape(len(of.labels), n_patches, -1)
    return np.asarray(network([embeddings, groups], training=False))


@pytest.fixture
def network() -> keras.Model:
    keras.utils.set_random_seed(1)
    return build_network(NetworkConfig(hidden=8))


def test_the_regression_is_added_to_the_logits_and_serving_has_it_too(network):
    of, before = clips(), logits(network, clips())
    add_group_regression(network, of, casual_share=0.25, share=0.5)
    added = 2 * (logits(network, of) - before)

    units = score_groups().units(float32(of.scores)).reshape(len(of.labels), 3, -1)
    features = np.concatenate([units.mean(axis=1), units.max(axis=1)], axis=1)
    alone = LogisticRegression(C=500.0 / len(of.labels), max_iter=1000).fit(features, of.labels)
    expected = alone.decision_function(features)
    assert added - added[:, :1] == pytest.approx(expected - expected[:, :1], abs=0.02)

    head = as_head(network)
    one_patch = of.embeddings[:1] * np.float32(32 / (np.linalg.norm(of.embeddings[0]) + 1e-3))
    served = head.blocks(float32(of.embeddings[:1]), float32(of.scores[:1])).patches
    trained = np.asarray(
        network([one_patch[None], score_groups().units(float32(of.scores[:1]))[None]])
    )
    assert served == pytest.approx(trained - trained[:, :1], abs=1e-3)


def test_a_share_of_zero_leaves_the_network_alone(network):
    before = logits(network, clips())
    add_group_regression(network, clips(), casual_share=0.5, share=0.0)
    assert logits(network, clips()) == pytest.approx(before)
