"""What must hold of the state machine's definition."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

from local.deployment.localize import hold_definitions
from local.settings import REPOSITORY, TEMPLATE

TEXT = (REPOSITORY / "infrastructure" / "retrain.asl.yaml").read_text()
DEFINITION = yaml.safe_load(TEXT)
STATES = DEFINITION["States"]
MAP = STATES["EmbedBatches"]
TRANSIENT = {
    "Lambda.TooManyRequestsException",
    "Lambda.ServiceException",
    "Runtime.ExitError",  # the function's process was killed
    "Runtime.Unknown",  # it was killed before it was ready
    "Sandbox.Timedout",
    "UnavailableError",
}


def all_tasks() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in {**STATES, **MAP["ItemProcessor"]["States"]}.items():
        if state["Type"] == "Task":
            yield name, state


TASKS = list(all_tasks())


@pytest.mark.parametrize(("name", "state"), TASKS)
def test_every_task_has_an_end_and_is_tried_again(name, state):
    assert 0 < state["TimeoutSeconds"] <= 910
    (retry,) = state["Retry"]
    assert retry["BackoffRate"] > 1
    assert retry["MaxAttempts"] >= 3
    assert set(retry["ErrorEquals"]) >= (TRANSIENT if name != "Notify" else {"States.ALL"})


def test_an_archives_tasks_are_tried_again_for_the_same_reasons():
    archive = yaml.safe_load((REPOSITORY / "infrastructure" / "archive.asl.yaml").read_text())
    states = list(archive["States"].values())
    inner = [one for state in states if state["Type"] == "Map"
             for one in state["ItemProcessor"]["States"].values()]  # fmt: skip
    tasks = [state for state in (*states, *inner) if state["Type"] == "Task"]
    assert len(tasks) > 3
    for task in tasks:
        (retry,) = task["Retry"]
        assert set(retry["ErrorEquals"]) >= TRANSIENT


def test_whatever_fails_is_recorded():
    for name, state in STATES.items():
        if state["Type"] in {"Task", "Map"} and name not in {"RecordFailure", "Notify"}:
            (caught,) = state["Catch"]
            assert caught == {
                "ErrorEquals": ["States.ALL"],
                "ResultPath": "$.error",
                "Next": "RecordFailure",
            }, name


def test_a_refusal_is_not_tried_again():
    for _, state in TASKS:
        for retry in state["Retry"]:
            assert "RetrainingRefusedError" not in retry["ErrorEquals"]


def test_every_way_leads_somewhere_and_every_state_is_reached():
    reached = {DEFINITION["StartAt"]}
    for state in STATES.values():
        ways = [state, *state.get("Catch", []), *state.get("Choices", [])]
        reached |= {way["Next"] for way in ways if "Next" in way}
        reached |= {state["Default"]} if "Default" in state else set()
    assert reached == STATES.keys()


def test_the_map_is_distributed_and_its_results_do_not_pile_up_in_the_state():
    assert MAP["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert MAP["ResultPath"] is None
    assert "ToleratedFailurePercentage" not in MAP, "a lost batch would be a silent loss of data"


def test_the_template_fills_in_every_blank():
    machine = yaml_parse(TEMPLATE.read_text())["Resources"]["RetrainStateMachine"]["Properties"]
    assert machine["DefinitionUri"] == "infrastructure/retrain.asl.yaml"
    blanks = set(re.findall(r"\$\{(\w+)\}", TEXT))
    assert blanks == machine["DefinitionSubstitutions"].keys()


def test_on_a_laptop_the_map_is_narrower_and_nothing_else_changes():
    template = {
        "Resources": {
            "Machine": {
                "Type": "AWS::Serverless::StateMachine",
                "Properties": {"DefinitionUri": "x", "Role": "r"},
            }
        }
    }
    held = hold_definitions(template, {"Machine": DEFINITION}, 2)
    properties = held["Resources"]["Machine"]["Properties"]
    assert properties.keys() == {"Role", "Definition"}
    states = properties["Definition"]["States"]
    assert states["EmbedBatches"].pop("MaxConcurrency") == 2
    assert states["EmbedBatches"] == {k: v for k, v in MAP.items() if k != "MaxConcurrency"}
    assert {name: states[name] for name in states if name != "EmbedBatches"} == {
        name: STATES[name] for name in STATES if name != "EmbedBatches"
    }
    assert "DefinitionUri" in template["Resources"]["Machine"]["Properties"], "input was changed"
