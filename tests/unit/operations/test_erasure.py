"""Erasing clips, against moto: nothing of them is left but what the answer names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from earshot.errors import NotFoundError
from earshot.labels import Label
from earshot.operations.erasure import CLIPS_A_CALL, ErasureService
from earshot.results.result import Feedback
from earshot.results.table import ResultsTable
from earshot.retraining.traces import TrainingTraces
from earshot.uploads.bucket import UploadsBucket
from earshot.uploads.objects import Location, object_clip_id, posted_key, training_key
from tests.unit.results.conftest import table  # noqa: F401 - a fixture
from tests.unit.sample_results import NOON, classified

UPLOADS, MODELS = "clips", "models"


class Mutes:
    """Notes whose mutes are deleted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    def delete(self, clip_id: str) -> None:
        self.deleted.append(clip_id)

    def delete_source(self, source: str) -> None:
        self.deleted.append(source)


@dataclass
class Aws:
    s3: Any
    results: ResultsTable
    service: ErasureService
    mutes: Mutes

    def put(self, key: str, bucket: str = UPLOADS, content: bytes = b"x") -> str:
        return str(self.s3.put_object(Bucket=bucket, Key=key, Body=content)["VersionId"])

    def left(self, bucket: str = UPLOADS) -> list[str]:
        page = self.s3.list_object_versions(Bucket=bucket)
        return [v["Key"] for v in (*page.get("Versions", []), *page.get("DeleteMarkers", []))]

    def save(self, clip_id: str, key: str | None, **changes: Any) -> None:
        location = Location(UPLOADS, key, "1") if key else None
        self.results.save(classified(clip_id, location=location, **changes))


@pytest.fixture
def aws(table: ResultsTable) -> Iterator[Aws]:  # noqa: F811
    with mock_aws():
        s3 = boto3.client("s3", region_name="us-east-1")
        for bucket in (UPLOADS, MODELS):
            s3.create_bucket(Bucket=bucket)
            s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        traces = TrainingTraces(s3, MODELS)
        uploads = UploadsBucket(s3, UPLOADS)
        mutes = Mutes()
        service = ErasureService(table, uploads, traces.erase, mutes, 30, lambda: NOON)
        yield Aws(s3, table, service, mutes)


def clip_id(n: int) -> str:
    return f"{n:032x}"


def test_an_upload_is_erased_with_all_that_lay_under_its_key(aws: Aws) -> None:
    key = "incoming/gate/a.wav"
    ids = [object_clip_id(UPLOADS, key, aws.put(key)) for _ in range(2)]
    for one in ids:
        aws.save(one, key)
    aws.s3.delete_object(Bucket=UPLOADS, Key=key)  # leaves a marker and both versions
    aws.put("incoming/gate/a.wav.bak")
    found = aws.service.erase(ids[0])
    assert set(found.clip_ids) == set(ids)
    assert found.objects == (key,)
    assert aws.left() == ["incoming/gate/a.wav.bak"]
    assert [aws.results.get(one) for one in ids] == [None, None]
    assert set(aws.mutes.deleted) == set(ids)


def test_a_posted_clip_is_erased_with_its_training_copy_and_its_features(aws: Aws) -> None:
    one, other = clip_id(1), clip_id(2)
    feedback = (Feedback(Label.CASUAL, False, "", "ann", NOON),)
    aws.save(one, posted_key(one), feedback=feedback, alerted_at=NOON)
    for key in (posted_key(one), training_key("casual", one), training_key("casual", other)):
        aws.put(key)
        aws.put(key)
    batches = [
        {"index": n, "clips": [{"key": training_key("casual", c)}], "backgrounds": []}
        for n, c in enumerate((one, other))
    ]
    batches.append({"index": 2, "clips": [], "backgrounds": batches[0]["clips"]})
    aws.put("retraining/r1/batches.json", MODELS, json.dumps(batches).encode())
    for n in range(3):
        aws.put(f"retraining/r1/features/{n:06}.npz", MODELS)
    aws.put("models/v2/dataset.json", MODELS, json.dumps([training_key("casual", one)]).encode())
    aws.put("models/v3/dataset.json", MODELS, b"[]")

    found = aws.service.erase(one)

    assert found.clip_ids == (one,)
    assert set(aws.left()) == {training_key("casual", other)}
    features = [key for key in aws.left(MODELS) if "/features/" in key]
    assert features == ["retraining/r1/features/000001.npz"]
    assert TrainingTraces(aws.s3, MODELS).erased() == {one}
    what = {remainder.what.partition(":")[0]: remainder.until for remainder in found.remains}
    assert what["continuous backups of the results table"] == NOON + timedelta(days=35)
    assert what["logs"] == NOON + timedelta(days=30)
    assert what["alerts that were sent, with their recipients"] is None
    assert what["features in the model versions v2, which later versions do not get"] is None


def test_a_clip_whose_row_expired_is_erased_by_what_is_left_of_it(aws: Aws) -> None:
    aws.put(training_key("siren", clip_id(1)))
    assert aws.service.erase(clip_id(1)).objects == (training_key("siren", clip_id(1)),)
    assert aws.left() == []


def test_what_is_not_there_is_not_found(aws: Aws) -> None:
    aws.save(clip_id(1), None)
    assert aws.service.erase(clip_id(1)).clip_ids == (clip_id(1),)
    with pytest.raises(NotFoundError, match=clip_id(1)):
        aws.service.erase(clip_id(1))


def test_an_erasure_that_failed_goes_on(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "incoming/gate/a.wav"
    one = object_clip_id(UPLOADS, key, aws.put(key))
    aws.save(one, key)
    with monkeypatch.context() as patch:
        patch.setattr(aws.results, "delete", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            aws.service.erase(one)
    assert aws.left() == []
    assert aws.service.erase(one).clip_ids == (one,)


def test_a_source_is_erased_some_clips_at_a_time_and_no_other(aws: Aws) -> None:
    for n in range(CLIPS_A_CALL + 2):
        aws.save(clip_id(n), posted_key(clip_id(n)), timestamp=NOON + timedelta(seconds=n))
        aws.put(posted_key(clip_id(n)))
    aws.put("incoming/gate/without-result.wav")
    aws.put("incoming/gate 2/other.wav")
    aws.save(clip_id(99), None, source="gate 2")
    erased, more = 0, True
    while more:
        found = aws.service.erase_source("gate")
        erased, more = erased + len(found.clip_ids), found.more
    assert erased == CLIPS_A_CALL + 2
    assert aws.left() == ["incoming/gate 2/other.wav"]
    assert aws.results.get(clip_id(99))
