"""Entry point: the steps of a retraining that need no model, which the state machine calls."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from earshot.aws.errors import logged_with_cause
from earshot_retraining.wiring import steps

logger = Logger(service="retraining")


@logger.inject_lambda_context(clear_state=True)
@logged_with_cause(logger.exception)
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do the step that the event names; the state machine retries or catches errors."""
    logger.append_keys(run=event["run"], step=event["step"])
    answer = {
        "plan": lambda: steps().plan(event["run"], event["input"]),
        "gate": lambda: steps().apply_gate(event["run"]),
        "promote": lambda: steps().promote(event["run"], event["version"]),
        "reject": lambda: steps().reject(event["run"], event["version"]),
        "record_failure": lambda: steps().record_failure(event["run"], event["error"]),
    }[event["step"]]()
    logger.info("step done", answer=answer)
    return answer
