"""A release is published as a version of its own name, once all its files are there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from moto import mock_aws

from earshot.errors import BadRequestError, ModelError, PromotionRefusedError
from earshot.model.publishing import Publisher
from earshot.model.registry import ModelRegistry
from earshot.model.staging import Staging
from earshot.model.versions import VERSION_PATTERN, sha256_hex
from tests.unit.moto_clients import moto_client

FLATBUFFER = b"flatbuffer"
FILES = {"head.npz": b"arrays", "replay.npz": b"features"}


class Stage:
    """A models bucket, and what was uploaded for a version."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.registry = ModelRegistry(s3, "models")
        self.publisher = Publisher(self.registry, Staging(s3, "models"))

    def upload(self, content: bytes, sha256: str | None = None) -> None:
        key = f"publishing/{sha256 or sha256_hex(content)}"
        self.s3.put_object(Bucket="models", Key=key, Body=content)

    def publish(self, **members: Any) -> Any:
        return self.publisher.publish(manifest(**members), sha256_hex(FLATBUFFER))


def manifest(**members: Any) -> dict[str, Any]:
    files = {name: sha256_hex(content) for name, content in FILES.items()}
    found = {"version": "v1", "files": files, "yamnet_weights_sha256": "w"} | members
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def stage() -> Iterator[Stage]:
    with mock_aws():
        s3 = moto_client("s3")
        s3.create_bucket(Bucket="models")
        yield Stage(s3)


def test_what_is_missing_is_asked_for_and_then_the_version_is_published(stage):
    first = stage.publish()
    assert [name for name, _ in first.missing] == ["yamnet.tflite", *FILES]
    for _, form in first.missing:
        assert form["fields"]["key"].startswith("publishing/")
    assert stage.registry.versions() == []
    stage.upload(FLATBUFFER)
    stage.upload(FILES["head.npz"])
    second = stage.publish()
    assert ([name for name, _ in second.missing], second.version) == (["replay.npz"], first.version)
    assert stage.registry.versions() == [], "it is not finished"
    stage.upload(FILES["replay.npz"])
    assert stage.publish().missing == ()
    version = stage.registry.describe(first.version)
    assert version.manifest["version"] == first.version
    assert version.manifest["released_as"] == "v1"
    assert version.manifest["yamnet_sha256"] == sha256_hex(FLATBUFFER)
    assert stage.registry.read_yamnet(sha256_hex(FLATBUFFER)) == FLATBUFFER
    assert stage.registry.reader(first.version)("head.npz") == b"arrays"


def published(stage: Stage) -> str:
    for content in (FLATBUFFER, *FILES.values()):
        stage.upload(content)
    return str(stage.publish().version)


def test_to_publish_again_changes_nothing_even_if_the_uploads_are_gone(stage):
    version = published(stage)
    for content in (FLATBUFFER, *FILES.values()):
        stage.s3.delete_object(Bucket="models", Key=f"publishing/{sha256_hex(content)}")
    before = stage.registry.describe(version)
    again = stage.publish()
    assert (again.version, again.missing) == (version, ())
    assert stage.registry.describe(version) == before


def test_its_name_is_of_its_content_and_no_number_of_a_retraining(stage):
    version = published(stage)
    assert re.fullmatch(VERSION_PATTERN, version)
    assert version.startswith("v-")
    assert stage.publish(created="2027").version != version
    other = stage.publisher.publish(manifest(), sha256_hex(b"another flatbuffer"))
    assert other.version != version
    assert stage.registry.allocate("r1") == "v1"


def test_what_no_gate_has_compared_is_promoted_with_force_alone(stage):
    stage.registry.publish("v1", {"manifest.json": b'{"version": "v1", "files": {}}'})
    stage.registry.promote("v1", by="setup", reason="first")
    version = published(stage)
    with pytest.raises(PromotionRefusedError, match="not been through the gate"):
        stage.registry.promote(version, by="ann", reason="new")
    assert stage.registry.promote(version, by="ann", reason="new", force=True).forced
    assert stage.registry.champion().version == version


def test_another_file_than_the_manifest_names_counts_for_nothing(stage):
    for content in (FLATBUFFER, *FILES.values()):
        stage.upload(b"something else", sha256_hex(content))
    assert [name for name, _ in stage.publish().missing] == ["yamnet.tflite", *FILES]


@pytest.mark.parametrize(
    ("members", "what"),
    [
        ({"files": None}, "no manifest"),
        ({"yamnet_weights_sha256": None}, "no manifest"),
        ({"files": ["head.npz"]}, "no manifest"),
        ({"files": {}}, "does not name its files"),
        ({"files": {"../head.npz": "0" * 64}}, "does not name its files"),
        ({"files": {"head.npz": "0"}}, "does not name its files"),
        ({"files": {"decision.json": "0" * 64}}, "retraining of another stack"),
    ],
)
def test_what_is_no_release_is_refused(stage, members, what):
    with pytest.raises(BadRequestError, match=what):
        stage.publish(**members)


def test_a_flatbuffer_is_verified_each_time_it_is_read(stage):
    sha256 = stage.registry.keep_yamnet(FLATBUFFER)
    stage.s3.put_object(Bucket="models", Key=f"yamnet/{sha256}.tflite", Body=b"altered")
    with pytest.raises(ModelError, match="was altered"):
        stage.registry.read_yamnet(sha256)
    with pytest.raises(ModelError, match="is missing"):
        stage.registry.read_yamnet("0" * 64)
    with pytest.raises(ModelError, match="no SHA-256"):
        stage.registry.read_yamnet("../champion")


def test_a_flatbuffer_that_is_too_large_is_not_read(stage, monkeypatch):
    sha256 = stage.registry.keep_yamnet(FLATBUFFER)
    monkeypatch.setattr("earshot.model.models_bucket.MAX_YAMNET_BYTES", 5)
    with pytest.raises(ModelError, match="has 10 bytes, over 5"):
        stage.registry.read_yamnet(sha256)


def test_versions_are_listed_by_when_they_were_published(stage, monkeypatch):
    """Whenever the release was made."""
    clock = [datetime(2026, 1, 31, 12)]
    monkeypatch.setattr("moto.s3.models.utcnow", lambda: clock[0])
    content = json.dumps({"version": "v", "files": {}, "created": "2026-01"}).encode()
    for version in ("v1", "v2"):
        stage.registry.publish(version, {"manifest.json": content})
        clock[0] += timedelta(minutes=1)
    for file in (FLATBUFFER, *FILES.values()):
        stage.upload(file)
    release = stage.publish(created="2025-12").version
    clock[0] += timedelta(minutes=1)
    stage.registry.publish("v3", {"manifest.json": content})
    assert stage.registry.versions() == ["v3", release, "v2", "v1"]
