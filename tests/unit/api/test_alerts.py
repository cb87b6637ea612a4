"""The API's route for alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from earshot.labels import Label
from earshot.results.query import Page, Position
from tests.unit.api.calls import call, content, problem
from tests.unit.api.fake_services import CLIP_ID, RESULT


def test_alerts_are_listed_as_they_were_sent_with_later_feedback(services):
    sent_at = datetime(2026, 1, 31, 12, 0, 1, tzinfo=UTC)
    result = replace(RESULT, alerted_at=sent_at, verified_label=Label.CASUAL)
    services.page = Page([result], Position(sent_at, CLIP_ID))
    page = content(call("GET", "/alerts?limit=1"))
    (alert,) = page["alerts"]
    assert alert == {
        "alert_id": f"{CLIP_ID}-siren",
        "clip_id": CLIP_ID,
        "label": "siren",
        "confidence": 0.9,
        "uncertain": False,
        "events": [{"label": "siren", "start_s": 0.5, "end_s": 2.0, "confidence": 0.9}],
        "source": "gate",
        "timestamp": "2026-01-31T12:00:00.000Z",
        "model_version": "v1",
        "result": f"/results/{CLIP_ID}",
        "alerted_at": "2026-01-31T12:00:01.000Z",
        "verified_label": "casual",
    }
    content(call("GET", f"/alerts?cursor={page['next_cursor']}"))
    assert services.asked == [(1, None), (50, services.page.end)]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "cursor=next"])
def test_a_page_of_alerts_that_makes_no_sense_is_refused(services, query):
    problem(call("GET", f"/alerts?{query}"), 422)
    assert services.asked == []
