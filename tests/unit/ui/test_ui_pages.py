"""The pages of the web interface, run by Streamlit's own test, with an API that lives in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from earshot.labels import LABELS, Label
from tests.unit.sample_results import classified_json
from ui import session
from ui.components import palette

UI = Path(__file__).parents[3] / "ui"
RESULT = classified_json("c" * 32, label=Label.CASUAL, events=(), location=None)
MODEL = {
    "version": "v1", "created": "2026-01-31T12:00:00.000Z", "parent": None, "champion": True,
    "status": None, "macro_f1": None, "accuracy": None, "manifest_sha256": "0" * 64,
}  # fmt: skip
OUTLOOK: dict[str, Any] = {
    "ready": True, "reasons": [], "notes": [], "champion": "v1", "corrections": 12,
    "clips": dict.fromkeys(LABELS, 60), "held_out": {"casual": 14, "siren": 200},
    "released_held_out": 200, "running": None, "earlier": [],
}  # fmt: skip
ANSWERS: dict[str, Any] = {
    "/status": {
        "queues": {"uploads": 0, "uploads_dead_letter": 0},
        "model": {"version": "v1"},
        "last_result": RESULT,
    },
    "/results": {"results": [RESULT], "next_cursor": None},
    "/alerts": {"alerts": [], "next_cursor": None},
    "/retrain": OUTLOOK,
    "/models": {"models": [MODEL]},
    "/models/v1": MODEL | {"metrics": {}, "decision": None, "promotions": []},
}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> dict[str, httpx.Response]:
    """Answers by path that go before the usual ones; the API asks for the token ``good``."""
    answers: dict[str, httpx.Response] = {}

    def answer(request: httpx.Request) -> httpx.Response:
        ours = request.url.host == "api.example"
        if ours and request.headers.get("Authorization") != "Bearer good":
            return httpx.Response(401, json={"message": "Unauthorized"})
        path = request.url.path
        return answers.get(path) or httpx.Response(200, json=ANSWERS[path])

    http = httpx.Client(transport=httpx.MockTransport(answer))
    st.cache_resource.clear()
    st.cache_data.clear()
    monkeypatch.setattr(session, "_http", lambda: http)
    for name in ("TOKEN", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.delenv(f"EARSHOT_{name}", raising=False)
    monkeypatch.setenv("EARSHOT_API_URL", "https://api.example")
    return answers


def run(view: str, token: str = "good", **query: str) -> AppTest:  # noqa: S107 - not a secret
    page = AppTest.from_file(str(UI / "views" / f"{view}.py"), default_timeout=60)
    page.session_state["token"] = token
    for name, value in query.items():
        page.query_params[name] = value
    return page.run()


def test_whoever_is_not_signed_in_is_asked_for_a_token(api):
    page = AppTest.from_file(str(UI / "app.py"), default_timeout=60).run()
    assert [title.value for title in page.title] == ["Sign in"]
    page.text_input[0].input("wrong")
    page.button[0].click().run()
    assert "not accepted" in page.error[0].value
    page.text_input[0].input("good")
    page.button[0].click().run()
    assert page.session_state["token"] == "good"  # noqa: S105


def test_without_an_address_it_is_said_what_to_do(api, monkeypatch):
    monkeypatch.delenv("EARSHOT_API_URL")
    page = AppTest.from_file(str(UI / "app.py"), default_timeout=60).run()
    assert "make up ui" in page.error[0].value


@pytest.mark.parametrize("view", ["classify", "results", "retrain", "models", "status"])
def test_each_page_shows_itself(api, view):
    page = run(view)
    assert not page.exception
    assert not page.error
    assert page.title[0].value == view.capitalize()


def test_a_token_that_expires_is_asked_for_again(api):
    def script() -> None:
        import streamlit as st

        from earshot_client.transport import ApiError
        from ui import errors, session

        if session.signed_in():
            with errors.shown_errors():
                raise ApiError(401, "Unauthorized")
        st.title("Sign in")

    page = AppTest.from_function(script, default_timeout=60)
    page.session_state["token"] = "expired"  # noqa: S105
    page.run()
    assert not page.exception
    assert page.title[0].value == "Sign in"
    assert "expired" in page.session_state["refused"]


@pytest.mark.parametrize("view", ["results", "models", "status"])
def test_an_api_that_is_down_is_shown_without_a_traceback(api, view, monkeypatch):
    def down(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    http = httpx.Client(transport=httpx.MockTransport(down))
    monkeypatch.setattr(session, "_http", lambda: http)
    page = run(view)
    assert not page.exception
    assert "cannot be reached" in page.error[0].value
    assert "Try again" in [button.label for button in page.button]


def test_a_missing_scope_is_shown(api):
    api["/models"] = httpx.Response(403, json={"message": "Forbidden"})
    page = run("models")
    assert "does not allow this" in page.warning[0].value


def test_dead_letters_are_no_good_news(api):
    queues = {"queues": {"uploads": 1, "uploads_dead_letter": 2}}
    api["/status"] = httpx.Response(200, json=ANSWERS["/status"] | queues)
    page = run("status")
    assert "2 uploads could not be classified" in page.error[0].value
    assert not page.success


def test_sent_alerts_are_shown_with_source_time_and_confidence(api, monkeypatch):
    links: list[Any] = []  # which Streamlit makes within the whole application only
    monkeypatch.setattr(st, "page_link", lambda *_, query_params, **__: links.append(query_params))
    alert = {
        "clip_id": "a" * 32, "label": "siren", "confidence": 0.75, "source": "quay",
        "uncertain": False, "events": [], "model_version": "v1",
        "timestamp": "2026-01-31T12:00:00.000Z", "alerted_at": "2026-01-31T12:00:01.000Z",
        "result": f"/results/{'a' * 32}", "verified_label": "casual",
    }  # fmt: skip
    api["/alerts"] = httpx.Response(200, json={"alerts": [alert], "next_cursor": None})
    page = run("status")
    assert not page.exception
    shown = "\n".join(one.value for one in page.markdown)
    for words in ("Siren", "31 Jan, 12:00:01", "Fairly sure, 75 %", "Casual"):
        assert words in shown
    assert [one.value for one in page.text] == ["quay"]
    assert links == [{"clip": "a" * 32}]
    assert not any("No alert" in one.value for one in page.caption)


def test_that_no_alert_was_sent_is_shown(api):
    assert "No alert has been sent yet." in [one.value for one in run("status").caption]


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ({}, "does not keep posted clips"),
        ({"bucket": "clips", "key": "posted/c.wav"}, "was deleted at the end"),
    ],
)
def test_a_recording_that_cannot_be_played_is_explained(api, kept, words):
    result = RESULT | kept
    if kept:
        result |= {"clip_url": "https://bucket.example/gone.wav"}
        api["/gone.wav"] = httpx.Response(404, text="NoSuchKey")
    api[f"/results/{RESULT['clip_id']}"] = httpx.Response(200, json=result)
    page = run("results", clip=RESULT["clip_id"])
    assert not page.exception
    assert not page.error
    assert words in page.info[0].value


@pytest.mark.parametrize(
    "text",
    ["[Sign in again](https://evil.example)", "../models", "![](https://evil.example/x.png)"],
)
def test_a_link_to_a_clip_cannot_bring_text_of_its_own(api, text):
    page = run("results", clip=text)
    assert not page.exception
    (warning,) = page.warning
    assert palette.plain(text) in warning.value


def test_errors_are_no_markdown(api):
    link = "[Sign in again](https://evil.example)"
    api["/results"] = httpx.Response(400, json={"detail": f"There is no {link}"})
    page = run("results")
    assert palette.plain(link) in page.error[0].value


def test_the_first_model_shows_its_cross_validated_figures(api):
    report = {
        "n": 480, "macro_f1": 0.896, "accuracy": 0.9, "confusion_matrix": [[120] * 4] * 4,
        "per_class": {label: {"precision": 0.9, "recall": 0.9, "f1": 0.9} for label in LABELS},
    }  # fmt: skip
    metrics = {"metrics": {"cross_validation": {"sesa clean": report}}}
    api["/models/v1"] = httpx.Response(200, json=ANSWERS["/models/v1"] | metrics)
    page = run("models")
    assert not page.exception
    row = page.dataframe[0].value.iloc[0]
    assert (row["macro F1"], row["measured"]) == (0.896, "cross-validated (sesa clean)")
    assert any("Cross-validated (sesa clean), 480 clips" in c.value for c in page.caption)


MUTE = {
    "clip_id": RESULT["clip_id"], "source": "gate", "labels": ["siren"], "by": "ann",
    "at": "2026-01-31T12:00:00.000Z", "expires_at": "2026-03-02T12:00:00.000Z",
}  # fmt: skip
SIREN = classified_json(RESULT["clip_id"], location=None)


def test_a_false_alarm_is_muted_and_unmuted(api):
    clip_id = RESULT["clip_id"]
    api[f"/results/{clip_id}"] = httpx.Response(200, json=SIREN)
    given = {"feedback": [{"verdict": "corrected"}], "training_key": None, "mute": MUTE}
    api[f"/results/{clip_id}/feedback"] = httpx.Response(200, json=given)
    page = run("results", clip=clip_id)
    assert not page.checkbox, "what is no false alarm is not muted"
    page.selectbox(key=f"{clip_id} really").select("casual").run()
    page.checkbox(key=f"{clip_id} mute").check().run()
    page.button(key=f"{clip_id} correct").click().run()
    assert not page.exception
    assert any("no alert as siren at gate until 2026-03-02" in one.value for one in page.info)
    api[f"/mutes/{clip_id}"] = httpx.Response(200, json=MUTE)
    page.button(key=f"{clip_id} made unmute {clip_id}").click().run()
    assert not page.exception
    assert not any("no alert as siren" in one.value for one in page.info)


def test_a_muted_result_says_by_which_clip_and_that_is_undone_once(api):
    clip_id, by = RESULT["clip_id"], "b" * 32
    api[f"/results/{clip_id}"] = httpx.Response(200, json=SIREN | {"muted_by": {"siren": by}})
    api[f"/mutes/{by}"] = httpx.Response(404, json={"detail": "It has expired."})
    page = run("results", clip=clip_id)
    assert any(f"no alert, muted by the clip {by}" in one.value for one in page.info)
    page.button(key=f"{clip_id} unmute {by}").click().run()
    assert not page.exception
    assert not page.error
    assert any("raise alerts again" in one.value for one in page.info)
