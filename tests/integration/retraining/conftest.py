"""A local stack that retrains, with clips to retrain on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from earshot.model.registry import ModelRegistry
from earshot.retraining.run_files import RunFiles
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import StateMachine
from earshot.yamnet.flatbuffer import Yamnet
from local.demos.retrain import wrong
from tests.integration.retraining.folder_of_clips import fit, write
from tests.integration.retraining.retraining_stack import Retraining
from tests.stack import LocalStack, free_port
from training.data.demo_sounds import write_recordings
from training.data.labeled_clips import labeled_clips
from training.steps.embed_folder import embed_folder
from training.yamnet import MODEL_DIR


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    write_recordings(folder / "training", n_each=14)
    write_recordings(folder / "held-out", n_each=7, first_seed=1000)
    write_recordings(folder / "other", n_each=4, first_seed=2000)
    write_recordings(folder / "wrong", n_each=24, first_seed=3000)
    return folder


@pytest.fixture(scope="module")
def poor_model(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A first model that was trained on wrong labels, so that it is not hard to be better."""
    folder = tmp_path_factory.mktemp("wrong")
    for clip in wrong(labeled_clips(clips / "other")):
        (folder / f"{clip.label}_{clip.path.name}").write_bytes(clip.path.read_bytes())
    version = tmp_path_factory.mktemp("models") / "v1"
    yamnet = Yamnet(MODEL_DIR, threads=2)
    write(fit(embed_folder(folder, None, yamnet), None), version, yamnet)
    # Without its networks, its successor has nothing wrong to go on from.
    (version / "head.keras").unlink()
    manifest = json.loads((version / "manifest.json").read_text())
    del manifest["files"]["head.keras"]
    (version / "manifest.json").write_text(json.dumps(manifest))
    return version


@pytest.fixture(scope="module")
def retraining(
    clips: Path, poor_model: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Retraining]:
    stack = LocalStack(tmp_path_factory.mktemp("local"), free_port())
    up = stack.run("up", "--model", str(poor_model))
    try:
        assert up.returncode == 0, up.stderr
        look_often_for_a_new_champion(stack)
        s3, bucket = stack.client("s3"), stack.outputs["ModelsBucketName"]
        machine = StateMachine(stack.client("stepfunctions"), stack.outputs["StateMachineArn"])
        service = RetrainingService(
            machine, RunFiles(s3, bucket), ModelRegistry(s3, bucket), lambda: datetime.now(UTC)
        )
        yield Retraining(stack, service, next((clips / "training").glob("siren_*.wav")))
    finally:
        stack.run("down")


def look_often_for_a_new_champion(stack: LocalStack) -> None:
    """Every second instead of every 30, so that a test does not wait."""
    client, name = stack.client("lambda"), stack.outputs["ClassifyFunctionName"]
    settings = client.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    client.update_function_configuration(
        FunctionName=name, Environment={"Variables": {**settings, "CHAMPION_RECHECK_S": "1"}}
    )
