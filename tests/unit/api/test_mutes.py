"""The API's routes for muted sounds."""

from __future__ import annotations

import pytest

from tests.unit.api.calls import authorizer, call, content, problem
from tests.unit.api.fake_services import CLIP_ID

FEEDBACK = f"/results/{CLIP_ID}/feedback"
MUTE = {
    "clip_id": CLIP_ID,
    "source": "gate",
    "labels": ["siren"],
    "by": "ann",
    "at": "2026-01-31T12:00:00.000Z",
    "expires_at": "2026-01-31T12:00:00.000Z",
}


def mute() -> None:
    content(call("POST", FEEDBACK, {"label": "casual", "mute_alike": True}))


def test_a_correction_to_casual_mutes_what_sounds_alike(services):
    answer = content(call("POST", FEEDBACK, {"label": "casual", "mute_alike": True}))
    assert answer["mute"] == MUTE
    assert services.asked == [("casual", "", "ann")], "it is a correction as any other"


def test_a_correction_alone_mutes_nothing(services):
    assert content(call("POST", FEEDBACK, {"label": "casual"}))["mute"] is None
    assert services.mutes.kept == {}


@pytest.mark.parametrize("label", ["gunshot", "explosion", "siren"])
def test_threats_are_not_muted(services, label):
    answer = call("POST", FEEDBACK, {"label": label, "mute_alike": True})
    assert "threats are not muted" in problem(answer, 422)["detail"]
    assert services.asked == []


def test_what_cannot_be_muted_is_not_corrected_either(services):
    route = f"/results/{'f' * 32}/feedback"
    problem(call("POST", route, {"label": "casual", "mute_alike": True}), 409)
    assert services.asked == []


def test_the_label_of_a_threat_ends_the_mute_of_its_clip(services):
    mute()
    content(call("POST", FEEDBACK, {"label": "casual"}))
    assert services.mutes.kept, "casual still"
    content(call("POST", FEEDBACK, {"label": "gunshot"}))
    assert services.mutes.kept == {}


def test_mutes_are_listed(services):
    mute()
    page = content(call("GET", "/mutes"))
    assert page["mutes"] == [MUTE]
    assert content(call("GET", f"/mutes?source=gate&cursor={page['next_cursor']}"))["mutes"]
    assert content(call("GET", "/mutes?source=yard"))["mutes"] == []


def test_a_mute_is_undone_once(services):
    mute()
    assert content(call("DELETE", f"/mutes/{CLIP_ID}")) == MUTE
    problem(call("DELETE", f"/mutes/{CLIP_ID}"), 404)


def test_who_corrects_may_mute_and_unmute_and_who_reads_may_not(services):
    mute()
    reader = authorizer("earshot/read")
    content(call("GET", "/mutes", authorizer=reader))
    problem(call("DELETE", f"/mutes/{CLIP_ID}", authorizer=reader), 403)
    content(call("DELETE", f"/mutes/{CLIP_ID}", authorizer=authorizer("earshot/train")))
