"""A stack lives through a release with another YAMNet. Nothing changes until it is promoted."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from earshot.model.versions import sha256_hex
from local.settings import FIRST_MODEL, YAMNET
from tests.integration.client.test_command_line import run as earshot
from tests.integration.retraining.conftest import look_often_for_a_new_champion
from tests.integration.retraining.retraining_stack import soon
from tests.stack import LocalStack, free_port
from training.data.demo_sounds import write_recordings
from training.data.labeled_clips import labeled_clips

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Release:
    """What comes with the software: a model version, and the YAMNet that it was trained with."""

    model: Path
    yamnet: Path

    @property
    def yamnet_sha256(self) -> str:
        return sha256((self.yamnet / "yamnet.tflite").read_bytes()).hexdigest()


OLD = Release(FIRST_MODEL, YAMNET)


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """A release whose YAMNet lacks some weights, and whose head is for that one."""
    folder = tmp_path_factory.mktemp("release")
    model = folder / "v1"
    yamnet = model / "yamnet"
    shutil.copytree(FIRST_MODEL, model)
    shutil.copytree(YAMNET, yamnet)
    flatbuffer = bytearray((YAMNET / "yamnet.tflite").read_bytes())
    middle = len(flatbuffer) // 2
    flatbuffer[middle : middle + 65_536] = bytes(65_536)  # within a convolution's 8-bit weights
    (yamnet / "yamnet.tflite").write_bytes(flatbuffer)
    description = json.loads((yamnet / "yamnet.json").read_text())
    description["weights_sha256"] = "0123456789abcdef" * 4
    description["flatbuffer_sha256"] = sha256_hex(bytes(flatbuffer))
    (yamnet / "yamnet.json").write_text(json.dumps(description))
    manifest = json.loads((model / "manifest.json").read_text())
    manifest["yamnet_weights_sha256"] = description["weights_sha256"]
    manifest.pop("golden_clip", None)  # of the head with its own YAMNet
    (model / "manifest.json").write_text(json.dumps(manifest))
    return Release(model, yamnet)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    stack = LocalStack(tmp_path_factory.mktemp("local"), free_port())
    try:
        deploy(stack, OLD)
        yield stack
    finally:
        stack.run("down")


def deploy(stack: LocalStack, release: Release) -> None:
    up = stack.run("up", "--model", str(release.model))
    assert up.returncode == 0, up.stderr
    look_often_for_a_new_champion(stack)


def classify(stack: LocalStack, clip: bytes) -> Any:
    answer = stack.request("POST", "/predict", clip, {"Content-Type": "audio/wav"})
    assert answer.status == 200, answer.data
    return answer.json()


def serving(stack: LocalStack) -> Any:
    return stack.call("GET", "/status")[1]["serving"]


def comes_to_serve(stack: LocalStack, version: str, yamnet: str) -> Any:
    """Wait until classify says that it serves a version with a YAMNet."""

    def found() -> Any:
        now = serving(stack)
        return now if now and now["version"] == version else None

    now = soon(found, 90)
    assert (now["yamnet_sha256"], now["refusal"]) == (yamnet, None)
    return now


class TestUpgrade:
    """In this order, as an operator would live through it."""

    before: Any
    released: str

    def test_the_first_release_serves(self, stack, siren_wav):
        comes_to_serve(stack, "v1", OLD.yamnet_sha256)
        type(self).before = classify(stack, siren_wav)
        assert self.before["model_version"] == "v1"

    def test_after_the_upgrade_the_champion_serves_on_with_its_own_yamnet(
        self, stack, new, siren_wav
    ):
        deploy(stack, new)
        now = comes_to_serve(stack, "v1", OLD.yamnet_sha256)
        after = classify(stack, siren_wav)
        assert after["model_sha256"] == self.before["model_sha256"] == now["manifest_sha256"]
        assert after["probabilities"] == self.before["probabilities"]
        assert "could not be loaded" not in stack.run("logs").stdout

    def test_the_new_release_is_published_once_and_serves_nothing_yet(self, stack, new):
        type(self).released = earshot(stack, "models", "publish", new.model)["version"]
        assert earshot(stack, "models", "publish", new.model)["version"] == self.released
        manifest = stack.call("GET", f"/models/{self.released}")[1]["manifest"]
        assert manifest["yamnet_sha256"] == new.yamnet_sha256
        assert (manifest["version"], manifest["released_as"]) == (self.released, "v1")
        assert {model["version"] for model in earshot(stack, "models")} == {"v1", self.released}
        status, refusal = stack.call(
            "POST", f"/models/{self.released}/promote", {"reason": "the new release"}
        )
        assert status == 409, refusal
        assert serving(stack)["version"] == "v1"

    def test_a_retraining_goes_on_from_the_champion_with_the_champions_yamnet(
        self, stack, tmp_path
    ):
        write_recordings(tmp_path, n_each=2)
        for clip in labeled_clips(tmp_path):
            stack.client("s3").put_object(
                Bucket=stack.outputs["UploadsBucketName"],
                Key=f"training/{clip.label}/{clip.path.name}",
                Body=clip.path.read_bytes(),
            )
        stack.client("stepfunctions").start_execution(
            stateMachineArn=stack.outputs["StateMachineArn"],
            name="r1",
            input='{"force": true, "requested_by": "tester", "reason": "a test"}',
        )
        end = soon(lambda: (s := stack.call("GET", "/retrain/r1")[1])["state"] != "running" and s)
        assert (end["state"], end["version"]) == ("promoted", "v2"), end["reasons"]
        manifest = stack.call("GET", "/models/v2")[1]["manifest"]
        assert (manifest["parent"], manifest["yamnet_sha256"]) == ("v1", OLD.yamnet_sha256)
        assert manifest["golden_clip"].keys() == {"casual", "gunshot", "explosion", "siren"}
        comes_to_serve(stack, "v2", OLD.yamnet_sha256)

    def test_once_it_is_promoted_the_new_release_serves_with_its_own_yamnet(
        self, stack, new, siren_wav
    ):
        how = ("--force", "--reason", "the new release")
        earshot(stack, "models", "promote", self.released, *how)
        now = comes_to_serve(stack, self.released, new.yamnet_sha256)
        after = classify(stack, siren_wav)
        assert after["model_version"] == self.released
        assert after["model_sha256"] == now["manifest_sha256"]
        assert after["probabilities"] != self.before["probabilities"]

    def test_a_rollback_brings_the_old_one_back_with_its_yamnet(self, stack, siren_wav):
        earshot(stack, "models", "promote", "v1", "--reason", "false alarms")
        comes_to_serve(stack, "v1", OLD.yamnet_sha256)
        after = classify(stack, siren_wav)
        assert after["model_version"] == "v1"
        assert after["probabilities"] == self.before["probabilities"]

    def test_a_champion_whose_yamnet_is_altered_is_refused_and_the_status_says_so(self, stack, new):
        s3, bucket = stack.client("s3"), stack.outputs["ModelsBucketName"]
        key = f"yamnet/{new.yamnet_sha256}.tflite"
        s3.delete_object(Bucket=bucket, Key=key)  # as an administrator may
        s3.put_object(Bucket=bucket, Key=key, Body=b"another", IfNoneMatch="*")
        # The new one is what is bundled, so the old stack has to be deployed to need it.
        deploy(stack, OLD)
        earshot(stack, "models", "promote", self.released, "--reason", "once more")
        refused = soon(lambda: (s := serving(stack)) and s["refusal"] and s, 90)
        assert refused["version"] == "v1"
        assert f"the YAMNet flatbuffer {new.yamnet_sha256} was altered" in refused["refusal"]
        assert "the champion could not be loaded" in stack.run("logs").stdout
