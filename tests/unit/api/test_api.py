"""The API's handler: routes, errors, and the document, with services that live in memory."""

from __future__ import annotations

import base64
import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from earshot.errors import (
    ConflictError,
    NotFoundError,
    PromotionRefusedError,
    UnavailableError,
)
from earshot.model.versions import Promotion
from earshot.results.query import Page, Position, ResultQuery
from earshot.retraining.plan import Request
from earshot_api import app, openapi
from earshot_api.routes import about, alerts, feedback, models, results, retraining, uploads

REPOSITORY = Path(__file__).parents[3]
CONTEXT = SimpleNamespace(
    function_name="api",
    memory_limit_in_mb=1024,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:api",
    aws_request_id="request-1",
)
CLIP_ID = "0123456789abcdef" * 2
RESULT = {
    "clip_id": CLIP_ID,
    "status": "classified",
    "source": "gate",
    "timestamp": "2026-01-31T12:00:00.000Z",
    "label": "siren",
    "class_id": 3,
    "confidence": 0.9,
    "events": [{"label": "siren", "start_s": 0.5, "end_s": 2.0, "confidence": 0.9}],
    "loudness": -20.5,
}


RUN = "20260131T110000-0123abcd"
RETRAINING = {
    "id": RUN, "state": "running", "step": "Train", "started": "2026", "stopped": None,
    "clips": 9, "embedded": 1.0, "metrics": None, "comparison": None,
    "version": None, "decision": None,
    "reasons": [], "champion": None,
}  # fmt: skip
MODEL = {
    "version": "v2", "created": "2026", "parent": "v1", "champion": True, "status": "promoted",
    "macro_f1": 0.9, "accuracy": 0.9, "manifest_sha256": "0" * 64,
}  # fmt: skip


AUTHORIZER = {"jwt": {"claims": {"sub": "ann"}, "scopes": None}}


class Retrainings:
    """Knows one retraining and one model."""

    def __init__(self, answer: Callable[[Any, Any], Any]) -> None:
        self._answer = answer

    def start(self, request: Request) -> Any:
        return self._answer(request, RUN)

    def status(self, run: str) -> Any:
        return self._answer(run, RETRAINING)

    def models(self) -> Any:
        return self._answer("models", [MODEL])

    def model(self, version: str) -> Any:
        more = {"metrics": {}, "decision": None, "outcome": None, "manifest": {}}
        return self._answer(version, {**MODEL, **more, "promotions": []})

    def promote(self, version: str, *, by: str, reason: str, force: bool) -> Any:
        promotion = Promotion(version, "0" * 64, "2026", by, reason, force)
        return self._answer((version, by, reason, force), promotion)


class Services:
    """Answers as told and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.page = Page([RESULT], None)
        self.error: Exception | None = None
        self.results = self.tickets = self.feedback = self.status = self
        self.retraining = Retrainings(self._answer)
        self.uploads = self
        self.kept: dict[str, bytes] = {}

    def _answer(self, asked: Any, answer: Any) -> Any:
        if self.error:
            raise self.error
        self.asked.append(asked)
        return answer

    def put(self, key: str, content: bytes) -> None:
        self.kept[key] = content

    def find(self, query: ResultQuery, limit: int, after: Position | None) -> Page:
        return self._answer((query, limit, after), self.page)

    def find_alerted(self, limit: int, after: Position | None) -> Page:
        return self._answer((limit, after), self.page)

    def get(self, clip_id: str) -> Any:
        return self._answer(clip_id, RESULT if clip_id == CLIP_ID else None)

    def issue(self, source: Any, recorded_at: Any, content_type: str) -> Any:
        ticket = {"clip_id": CLIP_ID, "result": f"/results/{CLIP_ID}", "url": "https://s3"}
        rest = {"fields": {"key": "k"}, "max_bytes": 1, "expires_at": "2026"}
        return self._answer((source, recorded_at, content_type), ticket | rest)

    def issue_training_clip(self, label: str, batch: str, *, held_out: bool) -> Any:
        ticket = {"key": "k", "prefix": f"training/{batch}/", "url": "https://s3", "fields": {}}
        return self._answer((label, batch, held_out), ticket | {"max_bytes": 1, "expires_at": "2"})

    def link(self, place: dict[str, str], lifetime: Any) -> str:
        return f"https://s3/{place['key']}?versionId={place['version_id']}&for={lifetime}"

    def give(self, clip_id: str, label: str, comment: str, by: str) -> Any:
        answer = {"clip_id": clip_id, "label": "siren", "verified_label": label}
        return self._answer((label, comment, by), {**answer, "training_key": None, "feedback": []})


@pytest.fixture
def services(monkeypatch: pytest.MonkeyPatch) -> Services:
    fake = Services()
    for module in (app, about, alerts, feedback, models, results, retraining, uploads):
        monkeypatch.setattr(module, "services", lambda: fake)
    return fake


def call(
    method: str, path: str, body: Any = None, authorizer: Any = AUTHORIZER, **changes: Any
) -> Any:
    """Send a request as the gateway does."""
    route, _, query = path.partition("?")
    event = {
        "version": "2.0",
        "routeKey": changes.pop("route_key", f"{method} {route}"),
        "rawPath": route,
        "rawQueryString": query,
        "headers": {"content-type": "application/json"} | changes.pop("headers", {}),
        "queryStringParameters": dict(p.split("=") for p in query.split("&")) if query else None,
        "requestContext": {
            "http": {"method": method, "path": route},
            "stage": "$default",
            "requestId": "r1",
            **({"authorizer": authorizer} if authorizer else {}),
        },
        "body": body if isinstance(body, str | None) else json.dumps(body),
        "isBase64Encoded": changes.pop("base64_encoded", False),
    }
    return app.lambda_handler(event, CONTEXT)


def problem(answer: Any, status: int) -> Any:
    assert answer["statusCode"] == status, answer["body"]
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document = json.loads(answer["body"])
    assert document.keys() >= {"type", "title", "status", "detail"}
    assert document["status"] == status
    return document


def content(answer: Any, status: int = 200) -> Any:
    assert answer["statusCode"] == status, answer["body"]
    return json.loads(answer["body"])


def test_health_asks_nobody(services):
    services.error = UnavailableError("everything")
    assert content(call("GET", "/health")) == {"status": "ok"}


def test_results_pass_their_filters_on(services):
    path = "/results?label=siren&source=gate&from=2026-01-01T00:00:00Z&min_confidence=0.5&limit=7"
    page = content(call("GET", path))
    assert page == {"results": [RESULT], "next_cursor": None}, "what newer models say is kept"
    ((query, limit, after),) = services.asked
    assert (query.label, query.source, query.min_confidence) == ("siren", "gate", 0.5)
    assert query.start == datetime(2026, 1, 1, tzinfo=UTC)
    assert (limit, after) == (7, None)


def test_the_cursor_of_a_page_leads_to_the_next(services):
    end = Position(RESULT["timestamp"], CLIP_ID)
    services.page = Page([RESULT], end)
    cursor = content(call("GET", "/results"))["next_cursor"]
    call("GET", f"/results?cursor={cursor}")
    assert services.asked[1][2] == end


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
    ],
)
def test_a_filter_that_makes_no_sense_is_named(services, query, where):
    (error,) = problem(call("GET", f"/results?{query}"), 422)["errors"]
    assert error["where"] == where


def test_a_cursor_of_somebody_elses_is_refused(services):
    problem(call("GET", "/results?cursor=abc"), 422)


def test_one_result_or_none(services):
    assert content(call("GET", f"/results/{CLIP_ID}")) == RESULT
    assert "within seconds" in problem(call("GET", "/results/" + "0" * 32), 404)["detail"]
    problem(call("GET", "/results/..%2f"), 422)


def test_a_clip_that_is_kept_can_be_fetched(services, monkeypatch):
    kept = RESULT | {"bucket": "b", "key": "incoming/a.wav", "version_id": "v"}
    monkeypatch.setattr(services, "get", lambda clip_id: kept)
    url = content(call("GET", f"/results/{CLIP_ID}"))["clip_url"]
    assert url == "https://s3/incoming/a.wav?versionId=v&for=1:00:00"


def test_a_ticket_for_a_labelled_clip_is_created(services):
    wishes = {"label": "siren", "batch": "harbour-1", "held_out": True}
    ticket = content(call("POST", "/training-clips", wishes), 201)
    assert ticket["prefix"] == "training/harbour-1/"
    assert services.asked == [("siren", "harbour-1", True)]


@pytest.mark.parametrize(
    "wishes",
    [{}, {"label": "siren"}, {"label": "dog", "batch": "b"}, {"label": "siren", "batch": "../x"}],
)
def test_a_labelled_clip_needs_a_label_and_one_folder(services, wishes):
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


def test_feedback_is_given_by_the_tokens_owner(services):
    answer = call("POST", f"/results/{CLIP_ID}/feedback", {"label": "gunshot", "comment": "!"})
    assert content(answer)["verified_label"] == "gunshot"
    assert services.asked == [("gunshot", "!", "ann")]


@pytest.mark.parametrize("said", [{}, {"label": "dog"}, {"label": "siren", "comment": "x" * 1001}])
def test_feedback_that_makes_no_sense(services, said):
    problem(call("POST", f"/results/{CLIP_ID}/feedback", said), 422)


class TestProblems:
    def test_an_unknown_route(self, services):
        assert "/openapi.json" in problem(call("GET", "/nothing"), 404)["detail"]

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("DELETE", "/results", "GET"),
            ("GET", "/predict", "POST"),
            ("GET", f"/results/{CLIP_ID}/feedback", "POST"),
        ],
    )
    def test_an_unknown_method(self, services, method, path, allowed):
        answer = call(method, path, route_key="$default")
        problem(answer, 405)
        assert answer["headers"]["Allow"] == allowed

    def test_a_body_too_large(self, services):
        answer = call("POST", "/uploads", "x" * 20_001)
        assert "POST /uploads" in problem(answer, 413)["detail"]

    def test_another_media_type(self, services):
        answer = call("POST", "/uploads", "a=b", headers={"content-type": "text/plain"})
        problem(answer, 415)

    def test_broken_json(self, services):
        problem(call("POST", "/uploads", "{"), 400)

    def test_no_body(self, services):
        assert call("POST", "/uploads")["statusCode"] in {400, 422}

    def test_a_failing_store(self, services):
        services.error = UnavailableError("The results table is not available at the moment")
        answer = call("GET", "/results")
        problem(answer, 503)
        assert answer["headers"]["Retry-After"] == "5"

    def test_a_bug_gives_nothing_away(self, services):
        services.error = ZeroDivisionError("secret-table-name")
        answer = call("GET", "/results")
        problem(answer, 500)
        assert "secret" not in answer["body"]
        assert "Traceback" not in answer["body"]


class TestDocument:
    def test_the_committed_document_is_that_of_the_code(self):
        committed = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
        assert committed == openapi.document(app.http), "run: make openapi"

    def test_it_is_openapi_3_1(self):
        assert openapi.document(app.http)["openapi"].startswith("3.1")

    def test_every_error_is_a_problem_save_for_the_gateways_own(self):
        for operations in openapi.document(app.http)["paths"].values():
            for operation in operations.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:
                        kinds = {"application/problem+json"}
                        if status == "413":  # over 10 MB the gateway speaks up by itself
                            kinds.add("application/json")
                        if status in {"401", "403", "429"}:
                            kinds = {"application/json"}
                        assert response["content"].keys() == kinds

    def test_it_is_served_and_so_is_its_page(self, services):
        assert content(call("GET", "/openapi.json")) == openapi.document(app.http)
        answer = call("GET", "/docs", headers={"accept-encoding": "gzip"})
        page = gzip.decompress(base64.b64decode(answer["body"])).decode()
        assert "SwaggerUIBundle" in page
        assert len(answer["body"]) < 6_000_000, "more is more than Lambda answers with"

    def test_a_stack_that_asks_for_no_token_documents_none(self, services):
        served = content(call("GET", "/openapi.json", authorizer=None))
        assert "securitySchemes" not in served["components"]
        assert "asks nobody" in served["info"]["description"]
        for operations in served["paths"].values():
            for operation in operations.values():
                assert "security" not in operation
                assert not operation["responses"].keys() & {"401", "403"}
        assert content(call("GET", "/openapi.json")) == openapi.document(app.http)

    def test_links_lead_to_operations_that_are_there(self):
        operations = {
            operation["operationId"]: operation
            for operations in openapi.document(app.http)["paths"].values()
            for operation in operations.values()
        }
        for operation in operations.values():
            for response in operation["responses"].values():
                for link in response.get("links", {}).values():
                    known = {one["name"] for one in operations[link["operationId"]]["parameters"]}
                    assert link["parameters"].keys() <= known


def test_the_function_needs_nothing_heavy():
    """Its package holds no numpy, no audio and no model, so it may import none."""
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import earshot_api.app, earshot_alert.app\n"
            "import json, sys; print(json.dumps([*sys.modules]))",
        ],
        env={
            "PYTHONPATH": ":".join(
                str(REPOSITORY / folder)
                for folder in ("layers/earshot/python", "functions/api", "functions/alert")
            )
        },
        capture_output=True,
        text=True,
        check=True,
    )
    packages = {name.partition(".")[0] for name in json.loads(done.stdout)}
    assert packages & {"numpy", "soundfile", "soxr", "ai_edge_litert", "httpx", "click"} == set()


def test_the_sample_event_is_answered_with_results(services: Services) -> None:
    sample = Path(__file__).parents[3] / "events" / "get_results.json"
    answer = app.lambda_handler(json.loads(sample.read_text()), CONTEXT)
    assert answer["statusCode"] == 200, answer["body"]
    assert json.loads(answer["body"])["results"][0]["clip_id"] == CLIP_ID


def test_a_retraining_is_begun_in_the_name_of_who_asks(services):
    body = {"prefix": "training/may/", "augmentations": ["noise"], "seed": 3.0, "reason": "new"}
    answer = content(call("POST", "/retrain", body), 202)
    assert answer == {"id": RUN, "state": "running", "status": f"/retrain/{RUN}"}
    assert services.asked == [Request("training/may/", "ann", "new", False, ("noise",), 3)]


def test_a_retraining_learns_from_everything_unless_told_otherwise(services):
    content(call("POST", "/retrain", {}), 202)
    assert services.asked == [Request(requested_by="ann")]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"prefix": "incoming/"}, 422),
        ({"prefix": "training/../incoming/"}, 422),
        ({"prefix": "training/may"}, 422),
        ({"seed": 2.5}, 422),
        ({"seed": "3"}, 422),
        ({"augmentations": ["reverse"]}, 422),
        ({"force": True}, 422),
        ({"seed": -1}, 422),
        ("{", 400),
    ],
)
def test_a_retraining_that_makes_no_sense_is_not_begun(services, body, status):
    problem(call("POST", "/retrain", body), status)
    assert services.asked == []


def test_where_a_retraining_stands_is_told(services):
    assert content(call("GET", f"/retrain/{RUN}")) == RETRAINING
    problem(call("GET", "/retrain/a.b"), 422)
    services.error = NotFoundError("There is no retraining x.")
    problem(call("GET", "/retrain/x"), 404)


def test_models_are_told(services):
    assert content(call("GET", "/models")) == {"models": [MODEL]}
    assert content(call("GET", "/models/v2"))["promotions"] == []
    problem(call("GET", "/models/newest"), 422)


def test_a_promotion_is_recorded_with_who_asked_and_why(services):
    answer = content(call("POST", "/models/v1/promote", {"reason": "false alarms"}))
    assert (answer["version"], answer["promoted_by"], answer["forced"]) == ("v1", "ann", False)
    content(call("POST", "/models/v1/promote", {"reason": "I insist", "force": True}))
    assert services.asked == [
        ("v1", "ann", "false alarms", False), ("v1", "ann", "I insist", True),
    ]  # fmt: skip
    problem(call("POST", "/models/v1/promote", {}), 422)


@pytest.mark.parametrize("error", [ConflictError("too late"), PromotionRefusedError("the gate")])
def test_a_promotion_that_may_not_be_is_a_conflict(services, error):
    services.error = error
    assert problem(call("POST", "/models/v3/promote", {"reason": "x"}), 409)["detail"] == str(error)


def post_files(*files: tuple[str, bytes], **fields: str) -> Any:
    """`POST /retrain` as curl -F sends it."""
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--x\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
        "Content-Type: audio/wav\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in files
    ]
    body = base64.b64encode(b"".join([*parts, b"--x--\r\n"])).decode()
    headers = {"content-type": "multipart/form-data; boundary=x"}
    return call("POST", "/retrain", body, headers=headers, base64_encoded=True)


def test_posted_files_are_kept_by_label_and_learnt_from(services):
    answer = post_files(("gunshot_001.wav", b"RIFF\x00\xff"), ("Siren_a.WAV", b"b"), reason="new")
    assert content(answer, 202)["id"] == RUN
    (request,) = services.asked
    assert (request.requested_by, request.reason) == ("ann", "new")
    assert request.prefix.startswith("training/posted/")
    assert services.kept == {
        f"{request.prefix}gunshot/gunshot_001.wav": b"RIFF\x00\xff",
        f"{request.prefix}siren/Siren_a.WAV": b"b",
    }


def test_a_label_for_all_files_overrules_their_names(services):
    content(post_files(("C:\\x\\gunshot é.wav", b"a"), label="casual"), 202)
    (key,) = services.kept
    assert key.endswith("/casual/gunshot _.wav")


def test_files_of_the_same_name_are_all_kept(services):
    content(post_files(*[("siren_1.wav", each) for each in (b"a", b"b", b"a")]), 202)
    assert sorted(services.kept.values()) == [b"a", b"b"]
    assert {key.split("/")[-1][:7] for key in services.kept} == {"siren_1"}


@pytest.mark.parametrize(
    ("files", "fields", "what"),
    [
        ([], {"label": "siren"}, "no files"),
        ([("thunder_1.wav", b"a")], {}, "has no label"),
        ([("siren_1.mp3", b"a")], {}, "is no WAV"),
        ([], {"files": "RIFF", "label": "siren"}, "has no file name"),
        ([("a.wav", b"a")], {"label": "thunder"}, "is no label"),
    ],
)
def test_files_that_cannot_be_learnt_from_are_refused_before_any_is_kept(
    services, files, fields, what
):
    assert what in problem(post_files(*files, **fields), 400)["detail"]
    assert services.kept == {}
    assert services.asked == []


def test_too_many_files_at_once_are_refused(services):
    problem(post_files(("siren_1.wav", bytes(4_500_000))), 413)


def test_other_routes_take_no_files(services):
    headers = {"content-type": "multipart/form-data; boundary=x"}
    problem(call("POST", "/uploads", "--x--", headers=headers), 415)
