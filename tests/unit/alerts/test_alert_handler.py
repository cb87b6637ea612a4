"""alert's handler: which stream records are results, and which come again."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from earshot.alerts.alert import Alert, alert_about
from earshot.errors import UnavailableError
from earshot.results.item import to_item
from earshot.results.result import Result
from earshot_alert import app
from tests.unit.sample_results import NOON, classified

CONTEXT = SimpleNamespace(
    function_name="alert",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:eu-central-1:123456789012:function:alert",
    aws_request_id="request-1",
)


class Service:
    """The service, and the rules of sources, which note every result."""

    def __init__(self, fails_at: str = "") -> None:
        self.considered: list[str] = []
        self.fails_at = fails_at
        self.noted: list[str] = []

    def note(self, result: Result) -> None:
        self.noted.append(result.clip_id)
        raise UnavailableError("The table of sources")

    def consider(self, result: Result) -> list[Alert]:
        if result.clip_id == self.fails_at:
            raise UnavailableError("The topic")
        self.considered.append(result.clip_id)
        assert result.classification
        return [alert_about(result, result.classification, NOON)]


def record(clip_id: str, kind: str = "INSERT") -> dict[str, Any]:
    row = to_item(classified(clip_id), timedelta())
    return {"eventName": kind, "dynamodb": {"SequenceNumber": f"s-{clip_id}", "NewImage": row}}


def handle(monkeypatch: pytest.MonkeyPatch, service: Service, *records: Any) -> Any:
    monkeypatch.setattr(app, "service", lambda: service)
    monkeypatch.setattr(app, "source_rules", lambda: service)
    return app.lambda_handler({"Records": list(records)}, CONTEXT)


def test_new_rows_are_considered_and_changed_ones_are_not(monkeypatch):
    service = Service()
    answer = handle(monkeypatch, service, record("c1"), record("c2", "MODIFY"), record("c3"))
    assert answer == {"batchItemFailures": []}
    assert service.considered == service.noted == ["c1", "c3"], "no alert fails by the notes"


def test_what_fails_comes_again_with_all_after_it(monkeypatch):
    service = Service(fails_at="c2")
    answer = handle(monkeypatch, service, record("c1"), record("c2"), record("c3"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": "s-c2"}]}
    assert service.considered == ["c1"]


def test_the_sample_event_of_the_stream_is_considered(monkeypatch):
    sample = Path(__file__).parents[3] / "events" / "results_table_stream.json"
    service = Service()
    answer = handle(monkeypatch, service, *json.loads(sample.read_text())["Records"])
    assert answer == {"batchItemFailures": []}
    assert service.considered == ["3148247c73478964862841e2c5f7590a"]


def test_a_row_that_cannot_be_read_holds_up_no_other(monkeypatch, capsys):
    broken = record("c1")
    del broken["dynamodb"]["NewImage"]["status"]
    service = Service()
    answer = handle(monkeypatch, service, broken, record("c2"))
    assert answer == {"batchItemFailures": []}
    assert service.considered == ["c2"]
    assert "results_unreadable" in capsys.readouterr().out
