"""Starting and watching retrainings, and administering versions, against moto's S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from earshot.errors import NotFoundError, RetrainingRunningError
from earshot.retraining.plan import Request
from earshot.retraining.service import RetrainingService
from earshot.retraining.state_machine import Execution
from tests.unit.retraining.stage import NOW, Stage


class Machine:
    """Remembers what was started; stands where a test puts it."""

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}
        self.under_way: str | None = None
        self.execution_ = Execution("RUNNING", "EmbedBatches", NOW, None, None)

    def start(self, name: str, document: dict[str, Any]) -> None:
        self.started[name] = document

    def exists(self, name: str) -> bool:
        return name in self.started

    def running(self) -> str | None:
        return self.under_way

    def execution(self, name: str) -> Execution:
        if name not in self.started:
            raise NotFoundError(name)
        return self.execution_


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def service(stage: Stage, machine: Any) -> RetrainingService:
    return RetrainingService(machine, stage.files, stage.registry, lambda: NOW)


def test_a_retraining_is_started_with_what_the_plan_step_accepts(service, machine):
    run = service.start(Request(requested_by="me", augmentations=("pitch",)))
    assert run.startswith("20260131T110000-")
    document = json.loads(json.dumps(machine.started[run]))
    assert Request.from_input(document) == Request(requested_by="me", augmentations=("pitch",))


def test_while_a_retraining_is_under_way_no_other_starts_and_the_refusal_names_it(service, machine):
    first = service.start(Request(requested_by="me"), key="1")
    machine.under_way = first
    with pytest.raises(RetrainingRunningError, match=first) as refused:
        service.start(Request(requested_by="me"))
    assert refused.value.run == first
    assert service.start(Request(requested_by="me"), key="1") == first, "it was sent again"
    assert list(machine.started) == [first]


def test_progress_is_shown_while_it_runs(service, stage):
    run = service.start(Request())
    assert service.status(run)["embedded"] == 0.0
    stage.files.write_json(run, "plan.json", {"n_batches": 4, "n_clips": 50})
    stage.files.write(run, "features/000000.npz", b"")
    status = service.status(run)
    assert (status["state"], status["step"]) == ("running", "EmbedBatches")
    assert (status["clips"], status["embedded"], status["metrics"]) == (50, 0.25, None)


def test_the_end_is_shown_with_metrics_and_decision(service, stage, machine):
    run = service.start(Request())
    stage.candidate(run, 0.5)
    stage.steps.apply_gate(run)
    stage.steps.reject(run, "v2")
    machine.execution_ = Execution("SUCCEEDED", "Done", NOW, NOW, None)
    status = service.status(run)
    assert (status["state"], status["version"], status["champion"]) == ("rejected", "v2", "v1")
    assert status["metrics"]["macro_f1"] == 0.5
    assert status["decision"]["promote"] is False


def test_a_comparison_and_a_decision_of_0_1_0_have_todays_names(service, stage):
    run = service.start(Request())
    stage.candidate(run, 0.95)
    today = stage.files.read_json(run, "comparison.json")
    del today["corrections"], today["unchanged"]
    earlier = {name: today[name] for name in ("candidate", "champion", "differences")} | {
        "judged_against": today["compared_with"],
        "judged_on": {"clips": 80, "vouched_for": True, "new_clips": 0},
    }
    stage.files.write_json(run, "comparison.json", earlier)
    assert service.status(run)["comparison"] == today
    decision = {
        "promote": True,
        "judged_against": {"version": "v1"},
        "judged_on": earlier["judged_on"],
    }
    manifest = json.dumps({"version": "v2", "files": {}}).encode()
    stage.registry.publish(
        "v2", {"decision.json": json.dumps(decision).encode(), "manifest.json": manifest}
    )
    assert service.model("v2")["decision"] == {
        "promote": True,
        "compared_with": {"version": "v1"},
        "evaluated_on": today["evaluated_on"],
    }


@pytest.mark.parametrize(
    ("status", "state"), [("ABORTED", "aborted"), ("TIMED_OUT", "failed"), ("FAILED", "failed")]
)
def test_an_execution_that_ended_without_an_outcome_is_not_taken_for_running(
    service, machine, status, state
):
    run = service.start(Request())
    machine.execution_ = Execution(status, "Train", NOW, NOW, "stopped by hand")
    found = service.status(run)
    assert (found["state"], found["reasons"]) == (state, ["stopped by hand"])
    assert found["started"] == found["stopped"] == "2026-01-31T11:00:00.000Z"


def test_an_unknown_retraining_is_not_found(service):
    with pytest.raises(NotFoundError):
        service.status("never")


def test_models_are_listed_newest_first_and_described(service, stage):
    stage.candidate("r1", 0.95)
    stage.steps.apply_gate("r1")
    stage.steps.promote("r1", "v2")
    models, after = service.models(limit=2)
    assert [(m["version"], m["champion"], m["status"]) for m in models] == [
        ("v2", True, "promoted"),
        ("v1", False, None),
    ]
    assert after is None, "nothing follows"
    model = service.model("v2")
    assert model["metrics"]["macro_f1"] == 0.95
    assert [entry["promoted_by"] for entry in model["promotions"]] == ["retraining r1"]
    service.rollback(by="operator", reason="false alarms")
    assert service.model("v1")["champion"]
    service.promote("v2", by="operator", reason="it was not the model")
    assert service.model("v2")["champion"]


def test_models_come_page_by_page_and_each_once(service, stage):
    for n in range(2, 7):
        stage.candidate(f"r{n}", 0.95)
        stage.steps.apply_gate(f"r{n}")
    found, after = [], None
    while True:
        page, after = service.models(limit=2, after=after)
        assert len(page) <= 2
        found += [model["version"] for model in page]
        if after is None:
            break
    assert found == ["v6", "v5", "v4", "v3", "v2", "v1"]
    with pytest.raises(NotFoundError, match="v99"):
        service.models(limit=2, after="v99")


def test_only_the_versions_of_the_page_are_read(service, stage, monkeypatch):
    for n in range(2, 7):
        stage.candidate(f"r{n}", 0.95)
        stage.steps.apply_gate(f"r{n}")
    read: list[str] = []
    describe = stage.registry.describe

    def watched(name: str) -> Any:
        read.append(name)
        return describe(name)

    monkeypatch.setattr(stage.registry, "describe", watched)
    service.models(limit=2, after="v5")
    assert sorted(read) == ["v3", "v4"]


def test_a_promotion_that_is_sent_again_does_not_undo_a_rollback(service, stage):
    stage.candidate("r1", 0.95)
    stage.steps.apply_gate("r1")
    asked = {"by": "ann", "reason": "better"}
    first = service.promote("v2", **asked, key="k1")
    service.promote("v1", by="bob", reason="false alarms", key="k1")
    assert service.promote("v2", **asked, key="k1") == first
    assert service.model("v1")["champion"]
    service.promote("v2", **asked, key="k2")
    assert service.model("v2")["champion"]
