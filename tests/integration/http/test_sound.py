"""The sound of clips and events on the local stack."""

from __future__ import annotations

import io
from typing import Any

import soundfile
import urllib3

from tests.integration.uploads.test_main_job import result, upload
from tests.stack import LocalStack


def fetched(stack: LocalStack, path: str, token: str | None = "") -> Any:
    """An answer, or what it leads to."""
    answer = stack.request("GET", path, token=token)
    if answer.status != 302:
        return answer
    return urllib3.request("GET", answer.headers["Location"])


def test_posted_and_uploaded_clips_can_be_listened_to_until_they_are_gone(
    local_stack: LocalStack, siren_wav: bytes
) -> None:
    headers = {"Content-Type": "audio/wav"}
    post = local_stack.request("POST", "/predict?source=sound", siren_wav, headers)
    ids = [upload(local_stack, "incoming/sound/a.wav", siren_wav), post.json()["clip_id"]]
    for clip_id in ids:
        found = result(local_stack, clip_id)
        assert fetched(local_stack, f"/results/{clip_id}/audio").data == siren_wav
        event = fetched(local_stack, f"/results/{clip_id}/events/1.wav")
        assert (event.status, event.headers["Content-Type"]) == (200, "audio/wav")
        assert soundfile.info(io.BytesIO(event.data)).duration == 3.0
        assert fetched(local_stack, f"/results/{clip_id}/events/9.wav").status == 404
        local_stack.client("s3").delete_object(Bucket=found["bucket"], Key=found["key"])
    # A posted clip has no version that is meant, so what was deleted is gone.
    for path in ("audio", "events/1.wav"):
        gone = fetched(local_stack, f"/results/{ids[1]}/{path}")
        assert (gone.status, "expired" in gone.json()["detail"]) == (410, True)
        assert local_stack.request("GET", f"/results/{ids[0]}/{path}", token=None).status == 401
    assert local_stack.request("DELETE", f"/results/{ids[0]}").status == 200
    for path in ("audio", "events/1.wav"):
        erased = fetched(local_stack, f"/results/{ids[0]}/{path}")
        assert (erased.status, "erased" in erased.json()["detail"]) == (404, True)


def test_a_rejected_clip_has_no_sound(local_stack: LocalStack) -> None:
    clip_id = upload(local_stack, "incoming/sound/text.wav", b"text")
    assert result(local_stack, clip_id)["status"] == "rejected"
    answer = fetched(local_stack, f"/results/{clip_id}/audio")
    assert (answer.status, "was rejected" in answer.json()["detail"]) == (404, True)


def test_a_link_is_good_for_its_clip_alone(local_stack: LocalStack, siren_wav: bytes) -> None:
    headers = {"Content-Type": "audio/wav"}
    post = local_stack.request("POST", "/predict?source=linked", siren_wav, headers)
    clip_id = post.json()["clip_id"]
    forged = f"/audio/{clip_id}?until=9999999999&signature={'0' * 64}"
    answer = fetched(local_stack, forged, token=None)
    assert (answer.status, "cut short" in answer.json()["detail"]) == (403, True)
