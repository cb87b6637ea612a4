"""What an evaluation takes from a classification."""

from __future__ import annotations

from concurrent.futures.process import BrokenProcessPool
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from earshot.alerts.service import AlertRules
from earshot.events import Event
from earshot.labels import Label
from earshot.results.result import Classification
from training.evaluation.scores import classifying, scores_of
from training.yamnet import MODEL_DIR

RULES = AlertRules(frozenset(Label) - {Label.CASUAL}, 0.5, timedelta(minutes=5))


def test_a_label_is_scored_by_what_its_alert_is_decided_on():
    classification = Classification(
        label=Label.EXPLOSION,
        probabilities={
            Label.CASUAL: 0.05,
            Label.GUNSHOT: 0.4,
            Label.EXPLOSION: 0.55,
            Label.SIREN: 0.0,
        },
        uncertain=False,
        events=(Event(Label.GUNSHOT, 0.0, 0.96, 0.9), Event(Label.EXPLOSION, 0.0, 0.96, 0.93)),
        audioset_top5=(),
        duration_s=1.0,
        model_version="v1",
        model_sha256="0" * 64,
    )
    scores = scores_of(classification, RULES)
    assert scores.of_threat == {Label.GUNSHOT: 0.9, Label.EXPLOSION: 0.93, Label.SIREN: 0.0}
    assert set(scores.alerts) == {Label.GUNSHOT, Label.EXPLOSION}
    for label, confidence in RULES.matches(classification).items():
        assert confidence == pytest.approx(scores.of_threat[label])


def test_a_version_that_cannot_be_loaded_ends_the_evaluation(tmp_path: Path):
    with classifying(tmp_path, MODEL_DIR, RULES, processes=1) as classify:
        scores = classify([np.zeros(16_000, np.float32)])
        with pytest.raises(BrokenProcessPool):
            next(scores)
