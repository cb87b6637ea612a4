"""Taking the clip out of a request: as curl sends it, and as it should not be sent."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from earshot.errors import BadRequestError, PayloadTooLargeError, UnsupportedMediaTypeError
from earshot.uploads.objects import MAX_BODY_BYTES
from earshot_classify.posted_clip import PostedClip, posted_clip

EVENTS = Path(__file__).parents[3] / "events"


def take(content: bytes, content_type: str, subject: str = "ann", **event: Any) -> PostedClip:
    fields = {
        "headers": {"content-type": content_type},
        "requestContext": {"requestId": "request-1"},
        "body": base64.b64encode(content).decode(),
        "isBase64Encoded": True,
    }
    return posted_clip(APIGatewayProxyEventV2(fields | event), subject)


def form(name: str, content: bytes = b"RIFF") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"; filename="x.wav"'
    return f"--XX\r\n{disposition}\r\n\r\n".encode() + content + b"\r\n--XX--\r\n"


MULTIPART = "multipart/form-data; boundary=XX"


def test_a_form_as_curl_sends_it_gives_the_clip_and_its_source():
    event = json.loads((EVENTS / "predict_multipart.json").read_text())
    clip = posted_clip(APIGatewayProxyEventV2(event), "ann")
    assert clip.content.read(4) == b"RIFF"
    assert clip.metadata.source == "north gate"
    assert "JKJaXmPLvHcESHA=" in clip.request


def test_a_raw_body_is_the_clip():
    event = json.loads((EVENTS / "predict_raw.json").read_text())
    assert posted_clip(APIGatewayProxyEventV2(event), "ann").content.read(4) == b"RIFF"


def test_a_form_keeps_binary_content_byte_for_byte():
    every_byte = bytes(range(256)) * 50 + b"\r\n--X"
    assert take(form("file", every_byte), MULTIPART).content.read() == every_byte


@pytest.mark.parametrize(
    "kind", ["audio/wav", "Audio/X-WAV; charset=binary", "application/octet-stream"]
)
def test_audio_types_are_accepted_however_they_are_spelled(kind):
    assert take(b"RIFF", kind).content.read() == b"RIFF"


def test_the_clients_idempotency_key_names_the_request():
    headers = {"content-type": "audio/wav", "idempotency-key": "retry-1"}
    again = [take(b"RIFF", "", headers=headers).request for _ in range(2)]
    assert again[0] == again[1] != take(b"RIFF", "audio/wav").request


def test_an_idempotency_key_is_the_subjects_own():
    def request(subject: str, key: str) -> str:
        headers = {"content-type": "audio/wav", "idempotency-key": key}
        return take(b"", "", subject, headers=headers).request

    named = [request(*one) for one in (("ann", "1"), ("ben", "1"), ("an", "n1"), ("ann", "1:ann"))]
    assert len(set(named)) == 4


def test_an_unknown_query_parameter_is_refused_by_name():
    with pytest.raises(BadRequestError, match=r"sourc\. Accepted: source, recorded_at"):
        take(b"RIFF", "audio/wav", queryStringParameters={"sourc": "gate"})


def test_a_raw_body_may_name_its_source_in_the_query():
    assert (
        take(b"RIFF", "audio/wav", queryStringParameters={"source": "gate"}).metadata.source
        == "gate"
    )


@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded"])
def test_other_types_are_refused_with_what_is_accepted(kind):
    with pytest.raises(UnsupportedMediaTypeError, match=r"curl -F file=@clip\.wav"):
        take(b"RIFF", kind)


def test_a_body_over_the_limit_is_refused_with_the_way_for_large_clips():
    take(b"x" * MAX_BODY_BYTES, "audio/wav")
    with pytest.raises(PayloadTooLargeError, match="POST /uploads"):
        take(b"x" * (MAX_BODY_BYTES + 1), "audio/wav")


def test_a_form_may_give_the_clip_no_file_name():
    body = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nRIFF\x00\xff\r\n--x--\r\n'
    assert take(body, "multipart/form-data; boundary=x").content.read() == b"RIFF\x00\xff"


def test_a_form_without_the_field_file_is_refused():
    with pytest.raises(BadRequestError, match="nothing under the name `file`"):
        take(form("clip"), MULTIPART)


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=YY"])
def test_a_broken_form_is_refused(kind):
    with pytest.raises(BadRequestError, match="form cannot be read"):
        take(form("file"), kind)


def test_a_form_that_breaks_off_is_refused():
    with pytest.raises(BadRequestError):
        take(form("file", b"RIFF" * 100)[:120], MULTIPART)


def test_a_body_that_is_not_the_base64_it_says_it_is_is_refused():
    with pytest.raises(BadRequestError, match="base64"):
        take(b"", "audio/wav", body="not base64: !")


def test_a_clip_may_say_when_it_was_recorded():
    fields = {"recorded_at": "2026-01-31T12:00:00+01:00"}
    metadata = take(b"RIFF", "audio/wav", queryStringParameters=fields).metadata
    assert metadata.recorded_at == datetime(2026, 1, 31, 11, tzinfo=UTC)


@pytest.mark.parametrize(("field", "value"), [("recorded_at", "yesterday"), ("source", "x" * 129)])
def test_what_cannot_be_understood_is_named(field, value):
    with pytest.raises(BadRequestError, match=f"`{field}`"):
        take(b"RIFF", "audio/wav", queryStringParameters={field: value})


@pytest.mark.parametrize("second", ["file", "other"])
def test_a_form_with_two_files_is_refused(second):
    both = form("file").removesuffix(b"--XX--\r\n") + form(second)
    with pytest.raises(BadRequestError, match="2 files"):
        take(both, MULTIPART)


def test_a_form_with_two_fields_of_one_name_is_refused():
    unnamed = form("file").replace(b'; filename="x.wav"', b"")
    with pytest.raises(BadRequestError, match="more than one field `file`"):
        take(unnamed.removesuffix(b"--XX--\r\n") + unnamed, MULTIPART)
