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
from ui.components import desk, palette

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
    "/results/summary": {"bucket_s": 60, "counts": [], "next_cursor": None},
    "/sources": {"sources": []},
    "/alerts": {"alerts": [], "next_cursor": None},
    "/retrain": OUTLOOK,
    "/models": {"models": [MODEL], "next_cursor": None},
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


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the desk was given to draw, each time; Streamlit's test has no browser for it."""
    found: list[dict[str, Any]] = []
    monkeypatch.setattr(desk, "mount", lambda key, data, on_act: found.append(data))
    return found


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


@pytest.mark.parametrize(
    ("view", "title"),
    [("overview", "What happened"), ("review", "Review"), ("classify", "Classify"),
     ("results", "Results"), ("retrain", "Retrain"), ("models", "Models"), ("status", "Status")],
)  # fmt: skip
def test_each_page_shows_itself(api, drawn, view, title):
    page = run(view)
    assert not page.exception
    assert not page.error
    assert page.title[0].value == title


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


@pytest.mark.parametrize("view", ["overview", "review", "results", "models", "status"])
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


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        ({}, "does not keep posted clips"),
        ({"bucket": "clips", "key": "posted/c.wav"}, "was deleted at the end"),
    ],
)
def test_a_recording_that_cannot_be_played_is_explained(api, drawn, kept, words):
    result = RESULT | kept
    if kept:
        result |= {"clip_url": "https://bucket.example/gone.wav"}
        api["/gone.wav"] = httpx.Response(404, text="NoSuchKey")
    api[f"/results/{RESULT['clip_id']}"] = httpx.Response(200, json=result)
    page = run("results", clip=RESULT["clip_id"])
    assert not page.exception
    assert not page.error
    assert words in drawn[-1]["clip"]["silent"]


@pytest.mark.parametrize(
    "text",
    ["[Sign in again](https://evil.example)", "../models", "![](https://evil.example/x.png)"],
)
def test_a_link_to_a_clip_cannot_bring_text_of_its_own(api, drawn, text):
    page = run("results", clip=text)
    assert not page.exception
    (warning,) = page.warning
    assert "There is no result for the clip of this link" in warning.value
    assert text not in warning.value


def test_a_linked_clip_comes_first_though_no_filter_matches_it(api, drawn):
    clip_id = "d" * 32
    api[f"/results/{clip_id}"] = httpx.Response(200, json=classified_json(clip_id, location=None))
    run("overview", clip=clip_id)
    assert [row["id"] for row in drawn[-1]["groups"][0]["rows"]] == [clip_id]
    assert drawn[-1]["clip"]["id"] == clip_id


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


@pytest.mark.parametrize(
    ("zones", "source", "said", "time"),
    [
        ({"gate": "America/New_York", "yard": "UTC"}, "gate",
         "America/New_York, the zone of gate.", "07:00:00"),
        ({"gate": "America/New_York", "yard": "UTC"}, "", "Times in UTC.", "12:00:00"),
        ({"gate": "Asia/Tokyo", "yard": "Asia/Tokyo"}, "",
         "Asia/Tokyo, the zone of all sources.", "21:00:00"),
    ],
)  # fmt: skip
def test_times_are_in_the_zone_of_the_source_which_is_named(api, drawn, zones, source, said, time):
    known = [{"source": name, "time_zone": zone} for name, zone in zones.items()]
    api["/sources"] = httpx.Response(200, json={"sources": known})
    clip = RESULT | {"source": "gate", "timestamp": "2026-01-31T12:00:00.000Z"}
    api["/results"] = httpx.Response(200, json={"results": [clip], "next_cursor": None})
    api[f"/results/{RESULT['clip_id']}"] = httpx.Response(200, json=clip)
    page = run("results", source=source, clip=RESULT["clip_id"])
    assert any(said in caption.value for caption in page.caption)
    (group,) = drawn[-1]["groups"]
    assert group["rows"][0]["time"].endswith(time)
    own = {"America/New_York": "07:00:00", "Asia/Tokyo": "21:00:00"}[zones["gate"]]
    facts = dict(drawn[-1]["clip"]["facts"])
    assert facts["Classified"].endswith(own)
    assert ("Times in" in facts) == (own != time)


def test_lists_that_failed_to_load_are_loaded_once_the_api_is_back(api, drawn):
    api["/results"] = httpx.Response(503, json={"detail": "The results table is busy."})
    page = run("results")
    assert "busy" in page.error[0].value
    del api["/results"]
    page.run()
    assert not page.error
    assert drawn[-1]["groups"][0]["rows"]
