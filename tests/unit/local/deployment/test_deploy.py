"""The template meets CloudFormation, played by botocore's stubber."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from samtranslator.yaml_helper import yaml_parse

from local.deployment import small_setup
from local.deployment.deploy import apply_template, state_machines
from local.settings import TEMPLATE, LocalStackError

TEMPLATE_URL = "http://127.0.0.1:4566/code/template.json"


class TestApply:
    """The template meets CloudFormation, played by botocore's stubber."""

    @pytest.fixture
    def stubber(self) -> Iterator[Stubber]:
        client = boto3.client("cloudformation")
        with Stubber(client) as stubber:
            stubber.add_response("describe_stacks", {"Stacks": []})
            yield stubber

    def test_nothing_to_update_is_no_failure(self, stubber: Any) -> None:
        stubber.add_client_error(
            "update_stack", "ValidationError", "No updates are to be performed."
        )
        assert apply_template(stubber.client, TEMPLATE_URL) is False

    def test_refusal_is_explained(self, stubber: Any) -> None:
        stubber.add_client_error("update_stack", "ValidationError", "Unresolved resource")
        with pytest.raises(LocalStackError, match=r"template\.yaml: Unresolved resource"):
            apply_template(stubber.client, TEMPLATE_URL)

    def test_failed_resources_are_named(self, stubber: Any) -> None:
        stack = {
            "StackName": "earshot-local",
            "CreationTime": datetime(2026, 1, 1, tzinfo=UTC),
            "StackStatus": "UPDATE_ROLLBACK_COMPLETE",
        }
        event = {
            "StackId": "1",
            "EventId": "1",
            "StackName": "earshot-local",
            "Timestamp": datetime(2026, 1, 1, tzinfo=UTC),
            "LogicalResourceId": "UploadsQueue",
            "ResourceStatus": "UPDATE_FAILED",
            "ResourceStatusReason": "no such attribute",
        }
        stubber.add_response("update_stack", {})
        stubber.add_response("describe_stacks", {"Stacks": [stack]})
        stubber.add_response("describe_stack_events", {"StackEvents": [event]})
        with pytest.raises(LocalStackError, match="UploadsQueue: no such attribute"):
            apply_template(stubber.client, TEMPLATE_URL)


def test_without_tensorflow_a_retraining_fails_at_once_and_says_what_to_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    template = yaml_parse(TEMPLATE.read_text())
    whole = state_machines(template)
    monkeypatch.setattr(small_setup, "can_train", lambda: False)
    small = state_machines(template)
    (replaced,) = [name for name in whole if small[name] != whole[name]]
    assert "EmbedBatches" in whole[replaced]["States"]
    (state,) = small[replaced]["States"].values()
    assert state["Type"] == "Fail"
    assert "`make setup`" in state["Cause"]
