"""Erasing clips on a local stack: nothing is left of them but what the answer names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.integration.client.test_command_line import run
from tests.integration.http.tickets import result, upload
from tests.stack import LocalStack, wait_for


def left(stack: LocalStack, clip_id: str) -> list[str]:
    """Versions and delete markers of all objects in whose key the clip's id is."""
    found: list[str] = []
    for bucket in ("UploadsBucketName", "ModelsBucketName"):
        pages = stack.client("s3").get_paginator("list_object_versions")
        for page in pages.paginate(Bucket=stack.outputs[bucket]):
            entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            found += [entry["Key"] for entry in entries if clip_id in entry["Key"]]
    return found


def versions_of(stack: LocalStack, key: str) -> list[Any]:
    bucket = stack.outputs["UploadsBucketName"]
    page = stack.client("s3").list_object_versions(Bucket=bucket, Prefix=key)
    return [*page.get("Versions", []), *page.get("DeleteMarkers", [])]


def test_a_posted_clip_is_erased_with_its_training_copy(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    headers = {"Content-Type": "audio/wav"}
    posted = local_stack.request("POST", "/predict?source=erase", siren_wav, headers).json()
    clip_id = posted["clip_id"]
    for label in ("casual", "siren", "casual"):
        assert local_stack.call("POST", f"/results/{clip_id}/feedback", {"label": label})[0] == 200
    assert len(left(local_stack, clip_id)) > 2, "old versions and markers, too"

    status, erased = local_stack.call("DELETE", f"/results/{clip_id}")
    assert (status, erased["clip_ids"], erased["more"]) == (200, [clip_id], False)
    assert left(local_stack, clip_id) == [f"models/erased/{clip_id}"]
    assert local_stack.call("GET", f"/results/{clip_id}")[0] == 404
    assert local_stack.call("DELETE", f"/results/{clip_id}")[0] == 404
    remains = {one["what"]: one["until"] for one in erased["remains"]}
    assert remains["continuous backups of the results table"] is not None


def test_a_source_is_erased_from_the_command_line(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    source = "erase from here"
    tickets = [upload(local_stack, siren_wav, source=source) for _ in range(2)]
    clip_ids = {result(local_stack, ticket)["clip_id"] for ticket in tickets}
    other = upload(local_stack, siren_wav, source=f"{source} not")
    result(local_stack, other)

    key = tickets[0]["fields"]["key"]
    bucket = local_stack.outputs["UploadsBucketName"]
    s3 = local_stack.client("s3")
    tags = wait_for(lambda: s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"])
    assert tags == [{"Key": "label", "Value": "siren"}], "by which it expires"

    found = run(local_stack, "erase", "--source", source, "--yes")
    assert set(found["clip_ids"]) == clip_ids
    assert sorted(found["objects"]) == sorted(ticket["fields"]["key"] for ticket in tickets)
    assert versions_of(local_stack, f"incoming/{source}/") == []
    assert len(versions_of(local_stack, other["fields"]["key"])) == 1
    assert run(local_stack, "results", "--source", source) == []


@pytest.mark.parametrize("scopes", [("read", "predict", "train")])
def test_nobody_erases_without_the_scope(local_stack: LocalStack, scopes: tuple[str, ...]) -> None:
    token = local_stack.token(*scopes)
    for route in (f"/results/{'0' * 32}", "/results?source=x"):
        answer = local_stack.request("DELETE", route, token=token)
        assert answer.status == 403, json.loads(answer.data)
