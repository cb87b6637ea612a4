"""A retraining does not mix features of two YAMNets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earshot.errors import RetrainingRefusedError
from earshot.retraining.plan import Request
from tests.unit.retraining.conftest import stage as stage  # noqa: PLC0414 - a fixture
from tests.unit.retraining.stage import Stage
from training.data.clip_features import concatenate
from training.steps.train import train


class Yamnets:
    """Gives the YAMNet of the champion, and nothing to run."""

    def of(self, manifest: Any) -> Any:
        assert manifest["yamnet_sha256"] == "champions"
        return type("Yamnet", (), {"sha256": "champions", "weights_sha256": "w"})()


@pytest.mark.parametrize(
    ("notes", "why"),
    [
        ({"yamnet_sha256": "another"}, "a version with another YAMNet became champion"),
        ({}, "a version with another YAMNet became champion"),
        ({"yamnet_sha256": "champions"}, "held-out clips"),
    ],
)
def test_clips_that_were_embedded_with_another_yamnet_are_refused(stage: Stage, notes, why):
    manifest = {"version": "v2", "files": {}, "yamnet_sha256": "champions"}
    stage.registry.publish("v2", {"manifest.json": json.dumps(manifest).encode()})
    stage.registry.promote("v2", by="tester", reason="a test", force=True)
    stage.files.write_json("r1", "plan.json", {"request": vars(Request())})
    features = concatenate([]).to_npz(rejected=[], **notes)
    stage.files.write("r1", "features/000000.npz", features)
    yamnets: Any = Yamnets()
    with pytest.raises(RetrainingRefusedError, match=why):
        train("r1", stage.files, stage.registry, yamnets)
