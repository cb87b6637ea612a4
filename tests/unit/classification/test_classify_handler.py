"""classify's handler: which event goes where, and how errors look from outside."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from earshot.access.sources import Binding, SourcePolicy
from earshot.errors import RejectedClipError, UnavailableError
from earshot.labels import Label
from earshot.operations.classify_function import WHAT_SERVES
from earshot.results.result import Feedback, Result
from earshot.results.serialization import to_json
from earshot.uploads.objects import ClipMetadata, Location, Upload
from earshot_classify import app
from tests.unit.sample_results import NOON, classified

EVENTS = Path(__file__).parents[3] / "events"
CONTEXT = SimpleNamespace(
    function_name="classify",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:classify",
    aws_request_id="request-1",
)
RESULT = classified()


class Service:
    """Records what it was given and answers, or fails, as prepared."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.uploads: list[Upload] = []
        self.sources: list[str | None] = []
        self.tagged: list[str] = []
        self.tag_error: Exception | None = None

    def classify_upload(self, upload: Upload) -> Any:
        self.uploads.append(upload)
        return self._answer()

    def tag_upload(self, upload: Upload, result: Result) -> None:
        if self.tag_error:
            raise self.tag_error
        self.tagged.append(result.clip_id)

    def classify_posted(self, content: Any, request: str, metadata: ClipMetadata) -> Any:
        self.sources.append(metadata.source)
        return self._answer()

    def _answer(self) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture(autouse=True)
def _no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app, "uploads_queue", lambda: None)
    monkeypatch.setattr(app, "asks_for_tokens", lambda: False)
    monkeypatch.setattr(app, "source_policy", lambda: SourcePolicy(None, []))


def handle(monkeypatch: pytest.MonkeyPatch, service: Service, event: dict[str, Any]) -> Any:
    monkeypatch.setattr(app, "service", lambda: service)
    return app.lambda_handler(event, CONTEXT)


def sample(name: str) -> dict[str, Any]:
    return json.loads((EVENTS / f"{name}.json").read_text())


def test_an_uploaded_clip_is_classified_under_its_decoded_key(monkeypatch):
    service = Service(RESULT)
    answer = handle(monkeypatch, service, sample("s3_upload_through_sqs"))
    assert answer == {"batchItemFailures": []}
    version = "096fKKXTRTtl3on89fVO.nfljtsv6qko"
    key = "incoming/north gate/café 1+1.wav"
    assert service.uploads == [Upload(Location("earshot-uploads", key, version), version, 64044)]


def test_the_test_event_of_s3_is_accepted_and_ignored(monkeypatch):
    service = Service(RESULT)
    answer = handle(monkeypatch, service, sample("s3_test_event_through_sqs"))
    assert answer == {"batchItemFailures": []}
    assert service.uploads == []


def test_a_folder_made_in_the_console_is_no_clip(monkeypatch):
    event = sample("s3_upload_through_sqs")
    body = event["Records"][0]["body"]
    event["Records"][0]["body"] = body.replace("caf%C3%A9+1%2B1.wav", "")
    service = Service(RESULT)
    assert handle(monkeypatch, service, event) == {"batchItemFailures": []}
    assert service.uploads == []


def test_only_the_messages_that_failed_stay_in_the_queue(monkeypatch):
    event = sample("s3_upload_through_sqs")
    event["Records"] += sample("s3_test_event_through_sqs")["Records"]
    answer = handle(monkeypatch, Service(UnavailableError("The results table")), event)
    failed = event["Records"][0]["messageId"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": failed}]}


class Queue:
    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.returned: list[tuple[str, int]] = []

    def return_message(self, receipt_handle: str, n_receives: int) -> None:
        if self.fails:
            raise UnavailableError("The uploads queue")
        self.returned.append((receipt_handle, n_receives))


@pytest.mark.parametrize("queue_fails", [False, True])
def test_a_failed_message_is_returned_to_the_queue_for_another_try(monkeypatch, queue_fails):
    event = sample("s3_upload_through_sqs")
    (record,) = event["Records"]
    record["attributes"]["ApproximateReceiveCount"] = "3"
    queue = Queue(fails=queue_fails)
    monkeypatch.setattr(app, "uploads_queue", lambda: queue)
    answer = handle(monkeypatch, Service(UnavailableError("The results table")), event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": record["messageId"]}]}
    assert queue.returned == ([] if queue_fails else [(record["receiptHandle"], 3)])


def test_a_classified_message_is_not_returned(monkeypatch):
    queue = Queue()
    monkeypatch.setattr(app, "uploads_queue", lambda: queue)
    handle(monkeypatch, Service(RESULT), sample("s3_upload_through_sqs"))
    assert queue.returned == []


def test_a_message_that_is_no_json_stays_in_the_queue_and_ends_in_its_dlq(monkeypatch):
    event = sample("s3_upload_through_sqs")
    event["Records"][0]["body"] = "not json"
    answer = handle(monkeypatch, Service(RESULT), event)
    assert len(answer["batchItemFailures"]) == 1


@pytest.mark.parametrize(
    ("name", "source"), [("predict_multipart", "north gate"), ("predict_raw", None)]
)
def test_a_posted_clip_is_answered_with_its_result(monkeypatch, name, source):
    service = Service(RESULT)
    answer = handle(monkeypatch, service, sample(name))
    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == to_json(RESULT)
    assert service.sources == [source]


def problem(answer: dict[str, Any]) -> dict[str, Any]:
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    document = json.loads(answer["body"])
    assert document["status"] == answer["statusCode"]
    return document


def test_a_clip_at_fault_is_a_422_with_its_code(monkeypatch):
    service = Service(RejectedClipError("not_audio", "It is HTML."))
    answer = handle(monkeypatch, service, sample("predict_raw"))
    assert problem(answer).items() >= {"status": 422, "code": "not_audio"}.items()


def test_a_failing_store_is_a_503_that_says_when_to_come_back(monkeypatch):
    service = Service(UnavailableError("The results table is not available at the moment"))
    answer = handle(monkeypatch, service, sample("predict_raw"))
    assert problem(answer)["status"] == 503
    assert answer["headers"]["Retry-After"] == "5"


def test_a_bug_is_a_500_that_gives_nothing_away(monkeypatch):
    service = Service(ZeroDivisionError("secret-table-name"))
    answer = handle(monkeypatch, service, sample("predict_raw"))
    assert problem(answer)["status"] == 500
    assert "secret" not in answer["body"]
    assert "Traceback" not in answer["body"]


def test_an_unsupported_body_is_a_415(monkeypatch):
    event = sample("predict_raw")
    event["headers"]["content-type"] = "text/plain"
    assert problem(handle(monkeypatch, Service(RESULT), event))["status"] == 415


def test_an_unknown_route_is_a_404(monkeypatch):
    event = sample("predict_raw")
    event["rawPath"] = event["requestContext"]["http"]["path"] = "/nothing"
    assert problem(handle(monkeypatch, Service(RESULT), event))["status"] == 404


def test_a_message_that_announces_no_upload_stays_in_the_queue(monkeypatch):
    event = sample("s3_upload_through_sqs")
    event["Records"][0]["body"] = '{"hello": "world"}'
    service = Service(RESULT)
    answer = handle(monkeypatch, service, event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert service.uploads == []


class TestTokens:
    """What a token allows at `/predict`, whatever the gateway let through."""

    @staticmethod
    def post(
        monkeypatch: pytest.MonkeyPatch, claims: dict[str, str] | None, source: str | None = None
    ) -> tuple[Any, Service]:
        event = sample("predict_raw")
        if claims is not None:
            event["requestContext"]["authorizer"] = {"jwt": {"claims": claims, "scopes": None}}
        event["queryStringParameters"] = {"source": source} if source else {}
        service = Service(RESULT)
        monkeypatch.setattr(app, "asks_for_tokens", lambda: True)
        return handle(monkeypatch, service, event), service

    def test_without_a_token_nothing_is_classified(self, monkeypatch):
        answer, service = self.post(monkeypatch, None)
        assert problem(answer)["status"] == 401
        assert service.sources == []

    def test_without_the_scope_nothing_is_classified(self, monkeypatch):
        answer, service = self.post(monkeypatch, {"sub": "c1", "scope": "earshot/read"})
        assert problem(answer)["detail"] == "The token lacks the scope earshot/predict."
        assert (answer["statusCode"], service.sources) == (403, [])

    def test_a_device_sends_clips_of_its_own_source_alone(self, monkeypatch):
        bound: Any = SimpleNamespace(get=lambda client: Binding(client, ("gate",), "ann", NOON))
        monkeypatch.setattr(app, "source_policy", lambda: SourcePolicy(bound, ["service"]))
        device = {"sub": "c1", "client_id": "c1", "scope": "earshot/predict"}
        answer, service = self.post(monkeypatch, device, "harbor")
        assert problem(answer)["detail"] == "The client c1 is bound to gate, not to harbor."
        assert (answer["statusCode"], service.sources) == (403, [])
        for source in (None, "gate"):
            answer, service = self.post(monkeypatch, device, source)
            assert (answer["statusCode"], service.sources) == (200, ["gate"])


def test_an_upload_is_tagged_for_its_expiry_and_a_tag_that_fails_delays_nothing(monkeypatch):
    service = Service(RESULT)
    handle(monkeypatch, service, sample("s3_upload_through_sqs"))
    assert service.tagged == [RESULT.clip_id]
    service.tag_error = UnavailableError("The uploads bucket")
    answer = handle(monkeypatch, service, sample("s3_upload_through_sqs"))
    assert answer == {"batchItemFailures": []}


def test_what_people_said_of_a_clip_is_not_logged(monkeypatch):
    said = Feedback(Label.CASUAL, False, "my neighbor's car", "ann@ear.example", NOON)
    service = Service(classified(feedback=(said,), verified_label=Label.CASUAL))
    logged: list[str] = []
    monkeypatch.setattr(app.logger, "info", lambda *words, **more: logged.append(f"{words} {more}"))
    handle(monkeypatch, service, sample("predict_raw"))
    assert "clip classified" in logged[0]
    assert "neighbor" not in logged[0]
    assert "ann@ear.example" not in logged[0]


def test_it_tells_which_model_serves(monkeypatch):
    found = {"version": "v2", "manifest_sha256": "0", "yamnet_sha256": "1", "refusal": "no JSON"}
    monkeypatch.setattr(app, "serving", lambda: found)
    assert handle(monkeypatch, Service(RESULT), dict(WHAT_SERVES)) == found


def test_distance_from_training_is_logged_beside_the_source_and_counted_without(
    monkeypatch, capsys
):
    """A metric by source would cost $0.30 a month for each."""
    classification = RESULT.classification
    assert classification
    far = replace(RESULT, outcome=replace(classification, distance=1.4321))
    logged: list[dict[str, Any]] = []
    monkeypatch.setattr(app.logger, "info", lambda *words, **more: logged.append(more))
    handle(monkeypatch, Service(far), sample("predict_raw"))
    assert logged[0]["embedding_distance"] == 1.432
    assert logged[0]["result"]["source"] == RESULT.source
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (metric,) = [line for line in lines if "embedding_distance" in line]
    assert metric["embedding_distance"] == [1.4321]
    assert metric["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_a_result_without_a_distance_logs_none(monkeypatch, capsys):
    handle(monkeypatch, Service(RESULT), sample("predict_raw"))
    assert "embedding_distance" not in capsys.readouterr().out
