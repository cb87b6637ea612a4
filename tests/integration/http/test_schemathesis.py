"""schemathesis drives every operation of the committed document against the local stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.settings import REPOSITORY
from tests.stack import LocalStack

MAX_EXAMPLES = 10
# Whether an answer is right is asked here, not how soon it comes on a busy machine.
TIMEOUT_S = 60


@pytest.fixture(autouse=True, scope="module")
def _retrainings_end_at_once(local_stack: LocalStack) -> Iterator[None]:
    """Have the many retrainings that schemathesis starts do nothing: the HTTP API is tested here.

    Otherwise each of them embeds the clips that other tests have labeled.
    """
    client, arn = local_stack.client("stepfunctions"), local_stack.outputs["StateMachineArn"]
    definition = client.describe_state_machine(stateMachineArn=arn)["definition"]
    at_once = {"StartAt": "Done", "States": {"Done": {"Type": "Succeed"}}}
    client.update_state_machine(stateMachineArn=arn, definition=json.dumps(at_once))
    yield
    client.update_state_machine(stateMachineArn=arn, definition=definition)


def run(stack: LocalStack, *arguments: str) -> None:
    """Run schemathesis with the checks and settings of `schemathesis.toml`, and its own else."""
    document = REPOSITORY / "docs" / "openapi.json"
    done = subprocess.run(
        [
            Path(sys.executable).with_name("st"), "run", document,
            "--url", stack.outputs["ApiUrl"], "--continue-on-failure",
            "--max-examples", str(MAX_EXAMPLES), "--request-timeout", str(TIMEOUT_S), *arguments,
        ],
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "SCHEMATHESIS_HOOKS": "tests.integration.http.schemathesis_hooks",
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
def test_every_operation_keeps_what_the_document_promises(local_stack: LocalStack) -> None:
    run(local_stack, "-H", f"Authorization: Bearer {local_stack.token()}")


@pytest.mark.long
def test_nor_is_anything_amiss_for_who_has_no_token(local_stack: LocalStack) -> None:
    run(local_stack, "--phases", "examples,coverage")
