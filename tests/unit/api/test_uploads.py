"""The API's routes for uploads and training clips."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.unit.api.calls import call, content, problem
from tests.unit.api.fake_services import CLIP_ID


def test_a_ticket_for_a_labeled_clip_is_created(services):
    wishes = {"label": "siren", "batch": "harbor-1", "held_out": True}
    ticket = content(call("POST", "/training-clips", wishes), 201)
    assert ticket["prefix"] == "training/harbor-1/"
    assert services.asked == [("siren", "harbor-1", True)]


@pytest.mark.parametrize(
    "wishes",
    [{}, {"label": "siren"}, {"label": "dog", "batch": "b"}, {"label": "siren", "batch": "../x"}],
)
def test_a_labeled_clip_needs_a_label_and_one_folder(services, wishes):
    problem(call("POST", "/training-clips", wishes), 422)
    assert services.asked == []


def test_a_ticket_is_created(services):
    wishes = {"source": "gate", "recorded_at": "2026-01-31T12:00:00+01:00"}
    ticket = content(call("POST", "/uploads", wishes), 201)
    assert ticket["result"] == f"/results/{CLIP_ID}"
    recorded_at = datetime(2026, 1, 31, 11, tzinfo=UTC)
    assert services.asked == [("gate", recorded_at, "audio/wav")]


@pytest.mark.parametrize(
    "wishes",
    [
        {"source": "a/b"},
        {"source": ".."},
        {"source": " a"},
        {"source": ""},
        {"source": "x" * 129},
        {"source": 7},
        {"recorded_at": 7},
        {"content_type": "text/html"},
        {"content_type": "audio/wav\r\nx"},
        {"key": "incoming/mine.wav"},
        [],
        7,
    ],
)
def test_a_ticket_is_for_one_folder_of_the_uploads_only(services, wishes):
    problem(call("POST", "/uploads", wishes), 422)
    assert services.asked == []
