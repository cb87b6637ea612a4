"""The API's routes for sound: with a token, or by a link."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from earshot.alerts.links import LinkSigner
from tests.unit.api.calls import authorizer, call, problem
from tests.unit.api.fake_services import CLIP_ID

SIGNER = LinkSigner(lambda: "key")
OTHER = "f" * 32


def link(path: str = "", clip_id: str = CLIP_ID, days: float = 1) -> str:
    query = SIGNER.query(clip_id, datetime.now(UTC) + timedelta(days=days))
    return f"/audio/{clip_id}{path}?{query}"


def linked(path: str) -> Any:
    return call("GET", path, authorizer=None)


def test_a_clip_is_found_by_token_or_link(services):
    for answer in (call("GET", f"/results/{CLIP_ID}/audio"), linked(link())):
        assert answer["statusCode"] == 302
        assert answer["headers"]["Location"] == f"https://s3/{CLIP_ID}"


def test_an_event_is_cut_for_token_or_link(services):
    for answer in (
        call("GET", f"/results/{CLIP_ID}/events/1.wav"),
        linked(link("/events/1.wav")),
    ):
        assert answer["statusCode"] == 200
        assert answer["headers"]["Content-Type"] == "audio/wav"
        assert base64.b64decode(answer["body"]) == b"RIFF\x00\xff"
        assert answer["isBase64Encoded"]


def test_without_a_token_there_is_nothing_but_what_was_linked(services):
    for path in (f"/results/{CLIP_ID}/audio", f"/results/{CLIP_ID}/events/1.wav"):
        problem(linked(path), 401)
        problem(call("GET", path, authorizer=authorizer("earshot/predict")), 403)
    problem(linked(link()[:-1]), 422)
    forged = link().replace(CLIP_ID, OTHER)
    assert "cut short" in problem(linked(forged), 403)["detail"]
    assert "good until" in problem(linked(link(days=-1)), 410)["detail"]
    problem(linked(f"/audio/{CLIP_ID}"), 422)


def test_what_is_not_there_is_said_in_words(services):
    problem(linked(link(clip_id=OTHER)), 410)
    problem(call("GET", f"/results/{CLIP_ID}/events/2.wav"), 404)


@pytest.mark.parametrize("event", ["0.wav", "1.mp3", "one.wav", "1"])
def test_events_are_counted_from_one(services, event):
    problem(call("GET", f"/results/{CLIP_ID}/events/{event}"), 422)
