"""Ten new clips of one class do not make a model forget the others."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from earshot.labels import Label
from earshot.yamnet import Yamnet
from folder import embed_folder, fit
from training import core, metrics
from training.clip_features import ClipFeatures, concatenate
from training.metrics import Predictions
from training.synthetic import write_recordings
from training.yamnet import MODEL_DIR


@pytest.fixture(scope="module")
def yamnet() -> Yamnet:
    return Yamnet(MODEL_DIR, threads=2)


@pytest.fixture(scope="module")
def features(sesa: Path, yamnet: Yamnet) -> ClipFeatures:
    """SESA, its test clips held out, without augmented copies."""
    return embed_folder(sesa / "train", sesa / "test", yamnet)


@pytest.fixture(scope="module")
def new_clips(
    features: ClipFeatures, yamnet: Yamnet, tmp_path_factory: pytest.TempPathFactory
) -> ClipFeatures:
    """Ten birds, which a model that knows only SESA's casual sounds takes for sirens."""
    folder = tmp_path_factory.mktemp("birds")
    for path in write_recordings(folder, n_each=10):
        if not path.name.startswith(Label.CASUAL):
            path.unlink()
    return embed_folder(folder, None, yamnet)


def as_parent(fitted: core.Fit) -> core.Parent:
    """A copy of the networks, since a retraining goes on with them themselves."""
    networks = {name: keras.models.clone_model(own) for name, own in fitted.networks.items()}
    for name, own in fitted.networks.items():
        networks[name].set_weights(own.get_weights())
    return core.Parent("v1", fitted.head, networks, frozenset())


def macro_f1(fitted: core.Fit, judges: ClipFeatures) -> float:
    clips = judges.feature_set([clip.sha256 for clip in judges.clips])
    found = core.clip_probabilities(fitted.head, clips)
    return metrics.macro_f1(Predictions(clips.labels, found, np.arange(len(judges))))


def test_with_replay_it_forgets_nothing_and_without_it_would(
    features: ClipFeatures, new_clips: ClipFeatures
) -> None:
    held = np.array([clip.held_out for clip in features.clips])
    learn, judges = features.select(~held), features.select(held)
    assert len(new_clips) == 10
    assert {clip.label for clip in new_clips.clips} == {Label.CASUAL}
    first = fit(learn, None)
    with_replay = fit(concatenate([learn, new_clips]), as_parent(first))
    # Again and again, so that both take about as many steps.
    without = fit(concatenate([new_clips] * 40), as_parent(first))
    before, replayed, forgotten = (macro_f1(f, judges) for f in (first, with_replay, without))
    assert replayed >= before - 0.01, f"{before:.3f} fell to {replayed:.3f}"
    assert forgotten < before - 0.05, f"{forgotten:.3f} after {before:.3f}: nothing was at stake"
