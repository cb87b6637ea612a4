"""Each model classifies a clip whose result is known before it serves."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from earshot.classification.classifier import Classifier
from earshot.classification.golden_clip import (
    GOLDEN_MEMBER,
    check_golden_clip,
    golden_probabilities,
    golden_waveform,
)
from earshot.errors import ModelError
from earshot.labels import LABELS
from earshot.model.loading import Model, load_model
from earshot.yamnet.flatbuffer import Yamnet, YamnetOutput

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def yamnet() -> Yamnet:
    return Yamnet(REPOSITORY / "models" / "yamnet")


@pytest.fixture(scope="module")
def model(yamnet: Yamnet) -> Model:
    folder = REPOSITORY / "models" / "v1"
    return load_model(lambda name: (folder / name).read_bytes(), yamnet.weights_sha256)


def recorded(model: Model, probabilities: Any) -> Model:
    return replace(model, manifest=model.manifest | {GOLDEN_MEMBER: probabilities})


def test_the_clip_is_two_seconds_of_finite_sound_at_full_scale():
    waveform = golden_waveform()
    assert waveform.shape == (32000,)
    assert waveform.dtype == np.float32
    assert np.abs(waveform).max() == pytest.approx(1)


def test_the_released_model_gives_the_same_each_time(yamnet, model):
    first = golden_probabilities(Classifier(yamnet, model))
    assert list(first) == list(LABELS)
    assert sum(first.values()) == pytest.approx(1, abs=1e-4)
    check_golden_clip(Classifier(yamnet, recorded(model, first)))


def test_a_version_of_before_there_was_a_golden_clip_serves(yamnet, model):
    manifest = {k: v for k, v in model.manifest.items() if k != GOLDEN_MEMBER}
    check_golden_clip(Classifier(yamnet, replace(model, manifest=manifest)))


def test_a_model_that_gives_something_else_than_when_it_was_written_is_refused(yamnet, model):
    found = golden_probabilities(Classifier(yamnet, model))
    for others in (
        found | {"casual": found["casual"] - 0.06},
        found | {"siren": float("nan")},
    ):
        with pytest.raises(ModelError, match="as when the version was written"):
            check_golden_clip(Classifier(yamnet, recorded(model, others)))


def test_another_head_of_the_same_shape_is_seen_to_be_another(yamnet, model):
    found = golden_probabilities(Classifier(yamnet, model))
    head = replace(model.head, kernel_0=-model.head.kernel_0)
    with pytest.raises(ModelError, match="as when the version was written"):
        check_golden_clip(Classifier(yamnet, recorded(replace(model, head=head), found)))


def test_a_yamnet_that_gives_no_numbers_is_refused(model):
    class NoNumbers:
        weights_sha256 = "0" * 64

        def __call__(self, patches: np.ndarray) -> YamnetOutput:
            nothing = np.full((len(patches), 1024), np.nan, np.float32)
            return YamnetOutput(nothing, np.full((len(patches), 521), 0.5, np.float32))

    broken: Any = NoNumbers()
    with pytest.raises(ModelError, match="not a finite number"):
        check_golden_clip(Classifier(broken, model))
