"""Variables of a function's environment that are set while a local stack runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from local.clients import local_session


def set_variables(outputs: Mapping[str, Any], function: str, variables: Mapping[str, str]) -> None:
    """Set variables of a function; its processes start anew with them.

    Args:
        outputs: of the stack.
        function: its name in the template.
        variables: that change; others stay.
    """
    functions = local_session().client("lambda", endpoint_url=outputs["endpoint"])
    stack = local_session().client("cloudformation", endpoint_url=outputs["endpoint"])
    name = stack.describe_stack_resource(
        StackName=outputs["stack_name"], LogicalResourceId=function
    )["StackResourceDetail"]["PhysicalResourceId"]
    found: Any = functions.get_function_configuration(FunctionName=name)
    known = found["Environment"]["Variables"]
    if known != known | variables:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": known | variables}
        )
