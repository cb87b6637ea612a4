"""Clips that were erased are not trained on again by way of an earlier version's features."""

from __future__ import annotations

import numpy as np

from earshot.labels import Label
from earshot.uploads.objects import training_key
from training.data.clip_features import ClipFeatures, ClipRecord
from training.steps.train import without


def record(clip_id: str, n_patches: int, augmentation: str | None = None) -> ClipRecord:
    return ClipRecord(
        sha256=clip_id, label=Label.SIREN, key=training_key("siren", clip_id), n_patches=n_patches,
        duration_s=1.0, version_id="1", corrected=True, augmentation=augmentation,
    )  # fmt: skip


def test_an_erased_clip_and_its_copies_are_left_out_with_their_patches() -> None:
    erased, kept = "a" * 32, "b" * 32
    clips = (record(erased, 2), record(kept, 1), record(erased, 2, "noise"))
    values = np.arange(5, dtype=np.float16)[:, None]
    features = ClipFeatures(
        clips, values * np.ones((1, 1024), np.float16), np.zeros((5, 521), np.float16)
    )
    found = without(features, {erased})
    assert [clip.key for clip in found.clips] == [training_key("siren", kept)]
    assert found.embeddings[:, 0].tolist() == [2.0]
    assert len(without(features, ())) == 3
