"""The API's route for alerts."""

from __future__ import annotations

import pytest

from earshot.results.query import Page, Position
from tests.unit.api.calls import call, content, problem
from tests.unit.api.fake_services import CLIP_ID, RESULT


def test_alerts_are_told_as_they_were_sent_and_what_was_said_since(services):
    since = {"alerted_at": "2026-01-31T12:00:01.000Z", "verified_label": "casual"}
    services.page = Page([RESULT | since], Position("2026-01-31T12:00:01.000Z", CLIP_ID))
    page = content(call("GET", "/alerts?limit=1"))
    (alert,) = page["alerts"]
    told = {name: RESULT[name] for name in ("clip_id", "label", "confidence", "events", "source")}
    assert alert.items() >= (told | since | {"result": f"/results/{CLIP_ID}"}).items()
    assert "loudness" not in alert
    content(call("GET", f"/alerts?cursor={page['next_cursor']}"))
    assert services.asked == [(1, None), (50, services.page.end)]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=next"])
def test_a_page_of_alerts_that_makes_no_sense_is_refused(services, query):
    problem(call("GET", f"/alerts?{query}"), 422)
    assert services.asked == []
