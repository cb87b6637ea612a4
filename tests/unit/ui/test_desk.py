"""What becomes of what people do on the desk, with an API that lives in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import streamlit as st

from earshot.labels import Label
from earshot.results.result import Feedback, Result
from earshot_client.api_client import EarshotClient
from earshot_client.filters import ResultFilters
from earshot_client.transport import ApiError
from tests.unit.sample_results import NOON, classified
from ui import session
from ui.desk import Desk
from ui.groups import Group

FIRST, SECOND = "a" * 32, "b" * 32


class Api(dict[str, Result]):
    """Results by id; feedback on `broken` fails."""

    broken = ""

    def result(self, clip_id: str) -> Result | None:
        return self.get(clip_id)

    def feedback(self, clip_id: str, label: str, comment: str, *, mute_alike: bool) -> Any:
        if clip_id == self.broken:
            raise ApiError(409, "Somebody else gave feedback")
        one, given = self[clip_id], Feedback(Label(label), False, comment, "ann", NOON)
        history = one.feedback if one.feedback[-1:] == (given,) else (*one.feedback, given)
        self[clip_id] = replace(one, feedback=history, verified_label=given.label)
        mute = {"labels": ["siren"], "source": "gate", "expires_at": "2026-03-02T12:00:00.000Z"}
        return {
            "feedback": list(history), "training_key": None, "mute": mute if mute_alike else None,
        }  # fmt: skip

    def withdraw_feedback(self, clip_id: str) -> None:
        left = self[clip_id].feedback[:-1]
        verified = left[-1].label if left else None
        self[clip_id] = replace(self[clip_id], feedback=left, verified_label=verified)

    def sources(self) -> list[dict[str, str]]:
        return []

    def unmute(self, clip_id: str) -> None:
        raise ApiError(404, "It has expired.")


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Api:
    api = Api({one: classified(one) for one in (FIRST, SECOND)})
    monkeypatch.setattr(session, "client", lambda: api)
    monkeypatch.setattr(st, "query_params", {})
    return api


@pytest.fixture
def desk(api: Api, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(st, "session_state", {})
    desk = Desk.of("test")
    desk.groups.append(Group("alerts", "Alerts", results=list(api.values())))
    return desk


def act(desk: Desk, what: str, **more: Any) -> list[Label | None]:
    """Do something; the labels that people gave, as the rows have them then."""
    st.session_state["test"] = {"act": {"do": what, **more}}
    desk._act()
    return [one.verified_label for one in desk.groups[0].results]


def test_a_label_is_given_where_the_row_stands_and_taken_back(desk):
    assert act(desk, "label", ids=[SECOND], label="casual", then=FIRST) == [None, "casual"]
    assert "■ Casual" in desk.said
    assert st.query_params["clip"] == FIRST
    assert act(desk, "undo") == [None, None]
    assert desk.undoable == []


def test_several_are_confirmed_and_taken_back_at_once(desk):
    assert act(desk, "confirm", ids=[FIRST, SECOND]) == ["siren", "siren"]
    assert act(desk, "undo") == [None, None]


def test_the_same_label_again_adds_nothing_that_could_be_taken_back(desk):
    act(desk, "label", ids=[FIRST], label="casual")
    act(desk, "label", ids=[FIRST], label="casual")
    assert desk.undoable == [[FIRST]]


def test_what_was_done_before_an_error_can_be_taken_back(desk, api):
    api.broken = SECOND
    assert act(desk, "label", ids=[FIRST, SECOND], label="casual") == ["casual", None]
    assert "Somebody else" in str(desk.failed)
    assert desk.undoable == [[FIRST]]


def test_a_mute_is_named_and_undone_even_if_it_has_expired(desk):
    act(desk, "label", ids=[FIRST], label="casual", mute=True)
    assert "no alert as siren at gate until 2026-03-02" in desk.mutes[FIRST]
    act(desk, "unmute", id=FIRST)
    assert desk.mutes == {}
    assert desk.failed is None


def test_what_came_late_is_listed_where_it_belongs():
    late, middle, first = (
        classified(f"{n}" * 32, timestamp=time, recorded_at=recorded)
        for n, time, recorded in (
            (1, NOON + timedelta(hours=9), NOON),
            (2, NOON + timedelta(hours=2), NOON + timedelta(hours=1)),
            (3, NOON + timedelta(hours=2), None),
        )
    )

    class OnePage(EarshotClient):
        def __init__(self) -> None: ...

        def results_page(self, *_: object) -> tuple[list[Result], None]:
            return [late, first, middle], None

    group = Group("results", "Results", filters=ResultFilters())
    group.load(OnePage())
    assert group.results == [first, middle, late]


def test_lists_stay_until_something_else_is_asked_for(desk):
    assert desk.stale("night")
    desk.groups.append(Group("alerts", "Alerts"))
    assert not desk.stale("night")
    assert desk.groups
    assert desk.stale("hour")
    assert not desk.groups
