"""The API's routes for results and feedback."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from earshot.results.query import Page, Position
from earshot.results.serialization import to_json
from earshot.uploads.objects import Location
from earshot_api import app
from tests.unit.api.calls import CONTEXT, call, content, problem
from tests.unit.api.fake_services import CLIP_ID, RESULT, Services
from tests.unit.sample_results import NOON


def test_results_pass_their_filters_on(services):
    path = "/results?label=siren&source=gate&from=2026-01-01T00:00:00Z&min_confidence=0.5&limit=7"
    page = content(call("GET", path))
    assert page == {"results": [to_json(RESULT)], "next_cursor": None}
    ((query, limit, after),) = services.asked
    assert (query.label, query.source, query.min_confidence) == ("siren", "gate", 0.5)
    assert query.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert (limit, after) == (7, None)


def test_the_cursor_of_a_page_leads_to_the_next(services):
    end = Position(RESULT.timestamp, CLIP_ID)
    services.page = Page([RESULT], end)
    cursor = content(call("GET", "/results"))["next_cursor"]
    call("GET", f"/results?cursor={cursor}")
    assert services.asked[1][2] == end


@pytest.mark.parametrize(
    ("query", "where"),
    [
        ("label=dog", "query.label"),
        ("limit=0", "query.limit"),
        ("limit=201", "query.limit"),
        ("from=yesterday", "query.from"),
        ("to=12", "query.to"),
        ("min_confidence=2", "query.min_confidence"),
        ("min_confidence=nan", "query.min_confidence"),
        ("state=alerted,loud", "query.state"),
    ],
)
def test_a_filter_that_makes_no_sense_is_named(services, query, where):
    (error,) = problem(call("GET", f"/results?{query}"), 422)["errors"]
    assert error["where"] == where


def test_a_cursor_of_somebody_elses_is_refused(services):
    refused = problem(call("GET", "/results?cursor=abc"), 422)
    assert "cursor: Send `next_cursor` of the page before" in refused["detail"]


def test_one_result_or_none(services):
    assert content(call("GET", f"/results/{CLIP_ID}")) == to_json(RESULT)
    assert "within seconds" in problem(call("GET", "/results/" + "0" * 32), 404)["detail"]
    problem(call("GET", "/results/..%2f"), 422)


def test_a_clip_that_is_kept_can_be_fetched(services, monkeypatch):
    kept = replace(RESULT, location=Location("b", "incoming/a.wav", "v"))
    monkeypatch.setattr(services, "get", lambda clip_id: kept)
    url = content(call("GET", f"/results/{CLIP_ID}"))["clip_url"]
    assert url == "https://s3/incoming/a.wav?versionId=v&for=1:00:00"


def test_feedback_is_given_by_the_tokens_owner(services):
    answer = call("POST", f"/results/{CLIP_ID}/feedback", {"label": "gunshot", "comment": "!"})
    assert content(answer)["verified_label"] == "gunshot"
    assert services.asked == [("gunshot", "!", "ann")]


@pytest.mark.parametrize("said", [{}, {"label": "dog"}, {"label": "siren", "comment": "x" * 1001}])
def test_feedback_that_makes_no_sense(services, said):
    problem(call("POST", f"/results/{CLIP_ID}/feedback", said), 422)


def test_the_sample_event_is_answered_with_results(services: Services) -> None:
    sample = Path(__file__).parents[3] / "events" / "get_results.json"
    answer = app.lambda_handler(json.loads(sample.read_text()), CONTEXT)
    assert answer["statusCode"] == 200, answer["body"]
    assert json.loads(answer["body"])["results"][0]["clip_id"] == CLIP_ID


def test_a_summary_takes_the_filters_of_results_and_counts_rejected_clips_without_a_label(services):
    path = "/results/summary?source=gate&state=alerted,unreviewed&bucket_s=600"
    assert content(call("GET", path)) == {
        "bucket_s": 3600,
        "counts": [
            {
                "start": "2026-01-31T12:00:00.000Z", "source": "gate", "label": None, "results": 2,
                "alerted": 1, "uncertain": 0, "reviewed": 0, "corrected": 0,
            }
        ],
        "next_cursor": None,
    }  # fmt: skip
    ((query, bucket, after),) = services.asked
    assert (query.source, sorted(query.states)) == ("gate", ["alerted", "unreviewed"])
    assert (bucket, after) == (timedelta(minutes=10), None)


def test_feedback_is_withdrawn_with_the_mute_that_it_made(services):
    services.mutes.mute(CLIP_ID, "ann")
    answer = content(call("DELETE", f"/results/{CLIP_ID}/feedback"))
    assert (answer["verified_label"], answer["feedback"]) == (None, [])
    content(call("DELETE", f"/results/{CLIP_ID}/feedback?at=2026-01-31T12:00:00.000Z"))
    assert services.asked == [(CLIP_ID, "ann", None), (CLIP_ID, "ann", NOON)]
    assert not services.mutes.kept
