"""The API's routes that erase clips."""

from __future__ import annotations

import pytest

from earshot.errors import NotFoundError
from earshot.operations.erasure import Erasure, Remainder
from earshot.sources.source import Source
from tests.unit.api.calls import call, content, problem
from tests.unit.api.fake_services import CLIP_ID
from tests.unit.sample_results import NOON

ERASED = Erasure((CLIP_ID,), ("posted/a.wav",), (Remainder("logs", NOON), Remainder("x", None)))


class Erasures:
    """A source takes two requests to erase."""

    requests = 0

    def erase(self, clip_id: str) -> Erasure:
        if clip_id != CLIP_ID:
            raise NotFoundError(f"There is nothing of the clip {clip_id}.")
        return ERASED

    def erase_source(self, source: str) -> Erasure:
        self.requests += 1
        return Erasure((source,), (), (), more=self.requests == 1)


@pytest.fixture(autouse=True)
def _erasures(services):
    services.erasure = Erasures()


def test_a_clip_is_erased_and_what_remains_is_named():
    found = content(call("DELETE", f"/results/{CLIP_ID}"))
    assert found == {
        "clip_ids": [CLIP_ID],
        "objects": ["posted/a.wav"],
        "remains": [
            {"what": "logs", "until": "2026-01-31T12:00:00.000Z"},
            {"what": "x", "until": None},
        ],
        "more": False,
    }
    problem(call("DELETE", f"/results/{'0' * 32}"), 404)


def test_a_source_has_to_be_named():
    assert content(call("DELETE", "/results?source=gate"))["clip_ids"] == ["gate"]
    problem(call("DELETE", "/results"), 422)
    problem(call("DELETE", "/results?label=siren&source=gate"), 400)


def test_the_settings_of_a_source_are_erased_last(services):
    services.source_settings["gate"] = Source("gate")
    for left in (["gate"], []):
        content(call("DELETE", "/results?source=gate"))
        assert list(services.source_settings) == left
