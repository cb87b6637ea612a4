"""Versions and the champion pointer, against moto's S3."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws

from earshot.errors import (
    ConflictError,
    ModelError,
    NotFoundError,
    PromotionRefusedError,
    UnavailableError,
)
from earshot.model.registry import ModelRegistry
from earshot.model.versions import Champion, sha256_hex
from tests.unit.moto_clients import moto_client

BUCKET = "models"
PASSED = {"promote": True, "checks": []}
FAILED = {"promote": False, "checks": [{"passed": False, "reason": "macro F1 fell by 0.2"}]}


@pytest.fixture
def s3() -> Iterator[Any]:
    with mock_aws():
        client = moto_client("s3")
        client.create_bucket(Bucket=BUCKET)
        client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def registry(s3: Any) -> ModelRegistry:
    return ModelRegistry(s3, BUCKET)


def publish(registry: ModelRegistry, version: str, decision: dict[str, Any] | None) -> Champion:
    files = {"head.npz": f"arrays of {version}".encode()}
    if decision is not None:
        files["decision.json"] = json.dumps(decision).encode()
    manifest = {"version": version, "files": {name: sha256_hex(c) for name, c in files.items()}}
    return registry.publish(version, {**files, "manifest.json": json.dumps(manifest).encode()})


def promote(registry: ModelRegistry, version: str, **how: Any) -> Any:
    return registry.promote(version, by="tester", reason="a test", **how)


@pytest.fixture
def two_versions(registry: ModelRegistry) -> ModelRegistry:
    """v1 serves; v2 was let pass by the gate, v3 was not."""
    publish(registry, "v1", None)
    promote(registry, "v1")
    publish(registry, "v2", PASSED)
    publish(registry, "v3", FAILED)
    return registry


def test_a_registry_without_a_champion_says_so(registry):
    assert registry.champion() is None
    assert registry.versions() == []


def test_a_published_folder_reads_back_and_its_promotion_is_recorded(registry, tmp_path: Path):
    (tmp_path / "manifest.json").write_text('{"version": "v1", "files": {}}')
    (tmp_path / "head.npz").write_bytes(b"arrays")
    published = registry.publish_folder(tmp_path, b"flatbuffer")
    manifest = registry.reader("v1")("manifest.json")
    # printf flatbuffer | sha256sum
    yamnet = "0ca62b61099de384efec0795d633fc8421942a999767746c2e762e40d959f959"
    assert json.loads(manifest) == {"version": "v1", "files": {}, "yamnet_sha256": yamnet}
    assert published == Champion("v1", sha256_hex(manifest))
    assert registry.read_yamnet(yamnet) == b"flatbuffer"
    promote(registry, "v1")
    pointer = registry.pointer()
    assert pointer.champion == published
    (entry,) = pointer.history
    assert (entry.promoted_by, entry.reason, entry.forced) == ("tester", "a test", False)
    assert registry.reader("v1")("head.npz") == b"arrays"


def test_versions_count_up_and_no_two_retrainings_get_the_same(registry):
    publish(registry, "v9", None)
    publish(registry, "v10", None)
    assert [registry.allocate(run) for run in ("a", "b", "c")] == ["v11", "v12", "v13"]


def test_a_retraining_that_asks_twice_gets_the_version_it_has(registry):
    assert registry.allocate("a") == registry.allocate("a") == "v1"


def test_a_claim_that_another_won_a_moment_before_is_passed_over(registry, monkeypatch):
    publish(registry, "v1", None)
    numbers = registry._numbers()
    registry.allocate("the faster one")
    monkeypatch.setattr(registry, "_numbers", lambda: numbers)  # as it looked before
    assert registry.allocate("the slower one") == "v3"


def test_a_version_cannot_be_changed(registry, s3):
    publish(registry, "v1", None)
    publish(registry, "v1", None)  # a retry that writes the same is no change
    with pytest.raises(ConflictError, match="versions do not change"):
        publish(registry, "v1", PASSED)


def test_a_version_that_was_never_finished_is_no_version(registry):
    registry.allocate("a")
    assert registry.versions() == []
    with pytest.raises(NotFoundError, match="v1"):
        registry.describe("v1")


@pytest.mark.parametrize("name", ["v7", "champion.json", "../uploads", "v01", ""])
def test_a_version_that_does_not_exist_is_not_found(two_versions, name):
    with pytest.raises(NotFoundError):
        promote(two_versions, name)


def test_what_the_gate_let_pass_becomes_champion(two_versions):
    promote(two_versions, "v2")
    assert [entry.version for entry in two_versions.pointer().history] == ["v2", "v1"]


def test_what_the_gate_refused_needs_force_and_that_is_recorded(two_versions):
    with pytest.raises(PromotionRefusedError, match=r"macro F1 fell by 0\.2"):
        promote(two_versions, "v3")
    assert two_versions.champion().version == "v1"
    assert promote(two_versions, "v3", force=True).forced
    assert two_versions.pointer().history[0].forced


def test_what_no_gate_has_seen_needs_force(two_versions):
    publish(two_versions, "v4", None)
    with pytest.raises(PromotionRefusedError, match="not been through the gate"):
        promote(two_versions, "v4")


def test_a_rollback_is_one_call_and_needs_no_force(two_versions):
    promote(two_versions, "v2")
    back = two_versions.rollback(by="operator", reason="false alarms since yesterday")
    assert (back.version, back.forced) == ("v1", False)
    assert [entry.version for entry in two_versions.pointer().history] == ["v1", "v2", "v1"]


def test_to_promote_the_champion_again_changes_nothing(two_versions):
    first = promote(two_versions, "v2")
    before = two_versions.pointer()
    again = two_versions.promote("v2", by="operator", reason="sent twice", force=True)
    assert again == first
    assert two_versions.pointer() == before


def test_there_is_nothing_to_roll_back_to_at_first(two_versions):
    with pytest.raises(NotFoundError, match="nothing to go back to"):
        two_versions.rollback(by="operator", reason="")


def test_a_version_compared_with_a_former_champion_does_not_win(two_versions):
    compared_with = two_versions.champion()
    publish(two_versions, "v4", PASSED)
    promote(two_versions, "v2", instead_of=compared_with)
    with pytest.raises(ConflictError, match="compared with v1, but by now v2"):
        promote(two_versions, "v4", instead_of=compared_with)
    assert two_versions.champion().version == "v2"


def test_of_two_promotions_at_the_same_moment_one_gets_a_conflict(two_versions, monkeypatch):
    before = two_versions.pointer()
    promote(two_versions, "v2")
    monkeypatch.setattr(two_versions, "pointer", lambda: before)  # as the other one had read it
    publish(two_versions, "v4", PASSED)
    with pytest.raises(ConflictError, match="at the same moment"):
        promote(two_versions, "v4")


def test_a_version_with_an_altered_file_is_not_promoted(two_versions, s3):
    s3.put_object(Bucket=BUCKET, Key="models/v2/head.npz", Body=b"altered")
    with pytest.raises(ModelError, match=r"head\.npz of v2 is not the one"):
        promote(two_versions, "v2")
    assert two_versions.champion().version == "v1"


def test_a_version_tells_its_decision_and_how_its_retraining_ended(two_versions):
    two_versions.record_outcome("v3", {"status": "rejected"})
    version = two_versions.describe("v3")
    assert (version.decision, version.outcome) == (FAILED, {"status": "rejected"})
    assert two_versions.versions() == ["v3", "v2", "v1"]


def test_a_pointer_that_is_no_pointer_is_a_fault_of_the_model_store(registry, s3):
    promotion = b'{"promoted_at": "2026-01-31T12:00:00Z", "promoted_by": "", "reason": "", '
    for content in (
        b"not json",
        b"\xff",
        b"{}",
        b"[]",
        b"[" * 100_000,
        b'{"history": []}',
        b'{"history": {}}',
        b'{"history": ["v1"]}',
        b'{"history": [{"color": "red"}]}',
        b'{"history": [' + promotion + b'"version": 1, "manifest_sha256": "0"}]}',
    ):
        s3.put_object(Bucket=BUCKET, Key="models/champion.json", Body=content)
        with pytest.raises(ModelError, match=r"champion\.json"):
            registry.pointer()


def test_a_failing_registry_is_a_transient_fault():
    client = boto3.client("s3")
    with Stubber(client) as stub:
        stub.add_client_error("get_object", "InternalError", http_status_code=500)
        with pytest.raises(UnavailableError):
            ModelRegistry(client, BUCKET).champion()
