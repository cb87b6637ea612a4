"""Ten new clips of one class do not make a model forget the others."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from earshot.labels import Label
from earshot.yamnet.flatbuffer import Yamnet
from tests.integration.retraining.folder_of_clips import fit
from training.data.clip_features import ClipFeatures, concatenate
from training.data.demo_sounds import write_recordings
from training.evaluation import metrics
from training.evaluation.predictions import Predictions
from training.first_version import REPLAY_PATCHES_A_CLIP
from training.head import incremental
from training.steps.embed_folder import embed_folder
from training.yamnet import MODEL_DIR

pytestmark = pytest.mark.long

# Of the retraining: which clips validate, and in which order the others are learned from.
SEEDS = (0, 1)


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


def as_parent(fitted: incremental.Fit, learned: ClipFeatures) -> incremental.Parent:
    """A copy of the network, since a retraining goes on with it itself."""
    network = keras.models.clone_model(fitted.network)
    network.set_weights(fitted.network.get_weights())
    return incremental.Parent(
        "v1", fitted.head, network, {clip.sha256: clip.label for clip in learned.clips}
    )


def macro_f1(fitted: incremental.Fit, held_out: ClipFeatures) -> float:
    clips = held_out.feature_set([clip.sha256 for clip in held_out.clips])
    found = incremental.clip_probabilities(fitted.head, clips)
    return metrics.macro_f1(Predictions(clips.labels, found, np.arange(len(held_out))))


def accuracy(fitted: incremental.Fit, clips: ClipFeatures) -> float:
    found = incremental.clip_probabilities(fitted.head, clips.feature_set(["?"] * len(clips)))
    return float((found.argmax(axis=1) == clips.class_ids).mean())


def test_with_replay_it_forgets_nothing_and_by_plain_training_it_would(
    features: ClipFeatures, new_clips: ClipFeatures, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = np.array([clip.held_out for clip in features.clips])
    learn, held_out = features.select(~held), features.select(held)
    assert len(new_clips) == 10
    assert {clip.label for clip in new_clips.clips} == {Label.CASUAL}
    first = fit(learn, None)
    assert accuracy(first, new_clips) < 0.5, "there is nothing to learn"
    # As little of each clip as a first version of `make train` carries.
    replay = learn.shortened(REPLAY_PATCHES_A_CLIP)
    before = macro_f1(first, held_out)
    for seed in SEEDS:
        after = fit(concatenate([replay, new_clips]), as_parent(first, learn), seed)
        assert accuracy(after, new_clips) >= 0.8, "it has learned too little"
        replayed = macro_f1(after, held_out)
        assert replayed >= before - 0.01, f"seed {seed}: {before:.3f} fell to {replayed:.3f}"

    # Plain training goes on from all weights, the whole way, with the new clips alone; they come
    # again and again, so that both take about as many steps.
    def all_weights(parent: incremental.Parent, *_: object) -> keras.Model:
        return parent.network

    monkeypatch.setattr(incremental, "_begin", all_weights)
    monkeypatch.setattr(incremental, "SHARE_OF_THE_WAY", 1.0)
    forgotten = macro_f1(fit(concatenate([new_clips] * 40), as_parent(first, learn)), held_out)
    assert forgotten < before - 0.05, f"{forgotten:.3f} after {before:.3f}: nothing was at stake"
