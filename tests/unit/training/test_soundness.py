"""Features that are no finite numbers reach no fit, and a fit without finite losses fails."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import FitFailedError
from earshot.labels import Label
from earshot.retraining.plan import Batch, LabeledObject
from earshot.yamnet.flatbuffer import YamnetOutput
from training.data.clip_features import ClipFeatures, ClipRecord
from training.steps.embed import embed_batch
from training.steps.soundness import only_finite, require_finite


def features(*clips: tuple[str, str | None, int]) -> ClipFeatures:
    """Two patches of each clip, given its name, augmentation, and what is 1 if it has a NaN."""
    records = tuple(
        ClipRecord(name, Label.SIREN, f"{name}.wav", 2, 1.0, augmentation=kind)
        for name, kind, _ in clips
    )
    embeddings = np.ones((2 * len(clips), 1024), np.float16)
    for index, (*_, bad) in enumerate(clips):
        embeddings[2 * index + 1, 7] = np.nan if bad else 1
    return ClipFeatures(records, embeddings, np.zeros((2 * len(clips), 521), np.float16))


def test_a_clip_without_finite_features_goes_with_its_copies_and_is_named():
    finite, left_out = only_finite(
        features(("a", None, 0), ("a", "noise", 0), ("b", None, 1), ("b", "noise", 0))
    )
    assert [(clip.sha256, clip.augmentation) for clip in finite.clips] == [
        ("a", None),
        ("a", "noise"),
    ]
    assert np.isfinite(finite.embeddings).all()
    assert [key for key, _ in left_out] == ["b.wav"]
    assert "not finite" in left_out[0][1]


def test_of_a_sound_clip_only_the_copy_goes():
    finite, left_out = only_finite(features(("a", None, 0), ("a", "noise", 1)))
    assert [clip.augmentation for clip in finite.clips] == [None]
    assert left_out == [("a.wav", "YAMNet's output for its copy with noise is not finite.")]


def test_infinite_scores_count_too_and_nothing_at_all_is_sound():
    some = features(("a", None, 0))
    some.scores[0, 0] = np.inf
    assert not len(only_finite(some)[0])
    assert only_finite(ClipFeatures((), some.embeddings[:0], some.scores[:0]))[1] == []


def test_embedding_leaves_out_what_overflows_and_says_so():
    """Half precision ends at 65504."""

    class Loud:
        def __call__(self, patches: np.ndarray) -> YamnetOutput:
            embeddings = np.full((len(patches), 1024), 1.0, np.float32)
            embeddings[patches.max(axis=(1, 2)) > -1] = 1e6
            return YamnetOutput(embeddings, np.full((len(patches), 521), 0.5, np.float32))

    def wav(waveform: np.ndarray) -> bytes:
        file = io.BytesIO()
        soundfile.write(file, waveform, SAMPLE_RATE, format="WAV", subtype="FLOAT")
        return file.getvalue()

    contents = {
        "training/siren/loud.wav": wav(np.sin(np.arange(SAMPLE_RATE))),
        "training/siren/quiet.wav": wav(np.zeros(SAMPLE_RATE)),
    }
    clips = tuple(LabeledObject(key, "", 0, Label.SIREN, False, False) for key in contents)
    yamnet: Any = Loud()
    with np.errstate(over="ignore"):
        found = embed_batch(Batch(0, clips, ()), lambda clip: contents[clip.key], yamnet, [], 0)
    assert [clip.key for clip in found.features.clips] == ["training/siren/quiet.wav"]
    assert found.rejected == (
        ("training/siren/loud.wav", "YAMNet's output for it is not finite throughout."),
    )


def test_a_loss_that_is_no_number_fails_the_fit_and_says_when():
    require_finite({"loss": [0.7, 0.5], "val_loss": [0.6, 0.5]})
    with pytest.raises(FitFailedError, match="val_loss was nan in epoch 2"):
        require_finite({"loss": [0.7, 0.5], "val_loss": [0.6, float("nan")]})
