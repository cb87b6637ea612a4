"""A source that is left out: nothing of it is learned, and what the other teaches is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.labels import LABELS
from training.adaptation.sampling import AdaptationConfig
from training.adaptation.sources import Source, broadened, sesa
from training.adaptation.tapped_clips import tapped_clips
from training.adaptation.variants import Variants
from training.data import demo_sounds
from training.data.labeled_clips import LabeledClip
from training.evaluation.left_out_source import measure_left_out
from training.head.network import NetworkConfig
from training.yamnet.weights import HUB_HANDLE

pytestmark = pytest.mark.long

N_EACH = 2
FEW = dict.fromkeys(LABELS, Variants(augmented=1, noisy=1, short=1))


def source(of: Source, folder: Path, *, first_seed: int, labels_off_by: int) -> Source:
    """A source with `N_EACH` synthesised clips of each label, which may be the wrong ones."""
    folder.mkdir()
    clips = []
    for sound, make in demo_sounds.MAKERS.items():
        label = LABELS[(sound.class_id + labels_off_by) % len(LABELS)]
        for seed in range(first_seed, first_seed + N_EACH):
            path = folder / f"{label}_{seed}.wav"
            soundfile.write(path, make(seed=seed), SAMPLE_RATE, subtype="PCM_16")
            clips.append(LabeledClip(path, label, path.name))
    return replace(of, clips=clips, variants=FEW)


def test_a_source_is_evaluated_by_a_model_of_the_other_one(tmp_path: Path):
    sources = [
        source(sesa([]), tmp_path / "one", first_seed=0, labels_off_by=0),
        source(broadened([]), tmp_path / "two", first_seed=10, labels_off_by=1),
    ]
    config = AdaptationConfig(head=NetworkConfig(batch_clips=16, patches_per_clip=4), steps=16)
    with tapped_clips(sources, HUB_HANDLE, tmp_path / "scratch", seed=0) as tapped:
        figures = measure_left_out(tapped, sources, config, seed=0)
    assert not list((tmp_path / "scratch").iterdir())
    # Rows are what a source calls its sounds, columns what the other one does.
    for name, of_other in (("sesa clean", 1), ("broadened clean", -1)):
        matrix = np.array(figures[name]["confusion_matrix"])
        assert matrix.sum() == len(LABELS) * N_EACH
        as_the_other = np.roll(np.eye(len(LABELS)), of_other, axis=1)
        assert (matrix * as_the_other).sum() >= 0.75 * matrix.sum(), name
        assert figures[name]["accuracy"] <= 0.25
