"""The API's routes for sources."""

from __future__ import annotations

import pytest

from earshot.access.sources import SourcePolicy
from tests.unit.api.calls import call, content, problem

BEAT = {"sent_at": "2026-01-31T12:00:00Z", "segments": 7, "level_dbfs": -41.5}


def test_a_source_is_set_and_found(services):
    wanted = {
        "place": "by the lake",
        "time_zone": "Europe/Berlin",
        "labels": ["gunshot"],
        "min_confidence": {"gunshot": 0.8},
        "quiet_hours": {"start": "22:00", "end": "06:00"},
        "muted_until": "2026-01-31T13:00:00+01:00",
        "silent_after_s": 600,
        "addressees": ["ann@ear.example"],
    }
    shown = content(call("PUT", "/sources/gate", wanted))
    assert shown | wanted == {**shown, "muted_until": wanted["muted_until"]}
    assert shown["muted_until"] == "2026-01-31T12:00:00.000Z"
    assert content(call("GET", "/sources/gate")) == shown
    assert content(call("GET", "/sources")) == {"sources": [shown]}
    plain = content(call("PUT", "/sources/gate", {}))
    assert (plain["place"], plain["labels"], plain["silent_after_s"]) == ("", None, None)


def test_a_source_that_was_never_seen_is_not_found(services):
    assert "the source gate" in problem(call("GET", "/sources/gate"), 404)["detail"]


@pytest.mark.parametrize(
    "wanted",
    [
        {"time_zone": "Mars/Olympus"},
        {"labels": ["thunder"]},
        {"min_confidence": {"gunshot": 1.1}},
        {"min_confidence": {"thunder": 0.5}},
        {"quiet_hours": {"start": "24:00", "end": "06:00"}},
        {"quiet_hours": {"start": "22:00"}},
        {"cooldown_s": -1},
        {"place": "a\nb"},
        {"addressees": [""]},
        {"addressees": ['"']},
        {"retention": 1},
    ],
)
def test_settings_that_make_no_sense_are_refused(services, wanted):
    problem(call("PUT", "/sources/gate", wanted), 422)
    assert services.source_settings == {}


def test_a_listener_tells_how_its_microphone_is(services):
    assert content(call("POST", "/sources/gate/heartbeat", BEAT))["level_dbfs"] == -41.5
    whole = {**BEAT, "segments": 7.0, "waiting": 2.0}
    assert call("POST", "/sources/gate/heartbeat", whole)["statusCode"] == 200, "as JSON has it"
    for segments in (-1, 7.5):
        problem(call("POST", "/sources/gate/heartbeat", {**BEAT, "segments": segments}), 422)


def test_numbers_that_dynamodb_does_not_take_are_rounded(services):
    shown = content(call("PUT", "/sources/gate", {"min_confidence": {"gunshot": 2.2e-309}}))
    assert shown["min_confidence"] == {"gunshot": 0.0}
    beat = {**BEAT, "level_dbfs": 6.4e-192}
    assert content(call("POST", "/sources/gate/heartbeat", beat))["level_dbfs"] == 0


def test_a_device_reports_its_own_sources_alone(services):
    services.sources = SourcePolicy(services.clients, [])
    answer = problem(call("POST", "/sources/gate/heartbeat", BEAT), 403)
    assert "bound to no source" in answer["detail"]
