"""What an image and the same handler outside it are compared by."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.config import Config

from local.clients import ACCESS_KEY_ID, SECRET_ACCESS_KEY, local_session
from local.settings import REGION, REPOSITORY, LocalStackError

EVENTS = REPOSITORY / "events"
# Results are rounded to four places, where processors may differ in the last.
TOLERANCE = 0.001
# A step is waited for as long as Lambda lets it take, and done once: by itself boto3 would give up
# after a minute and call it again beside the first, which makes a busy machine busier still.
PATIENT = Config(read_timeout=900, retries={"total_max_attempts": 1})


def sample_event(name: str) -> dict[str, Any]:
    """One of the sample events of ``events/``."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


@dataclass(frozen=True)
class Outside:
    """The local stack, whose functions run from the working copy.

    Attributes:
        outputs: of its deployment.
    """

    outputs: Mapping[str, Any]

    def client(self, service: Any) -> Any:
        """A boto3 client for the stack."""
        return local_session().client(
            service, endpoint_url=self.outputs["endpoint"], config=PATIENT
        )

    def invoke(self, function: str, event: Mapping[str, Any]) -> Any:
        """Answer of a function, named by its output, such as ``ClassifyFunctionName``.

        Raises:
            LocalStackError: the handler raised.
        """
        answer = self.client("lambda").invoke(
            FunctionName=self.outputs[function], Payload=json.dumps(event).encode()
        )
        content = json.loads(answer["Payload"].read())
        if "FunctionError" in answer:
            raise LocalStackError(f"{function} failed outside its image: {content}")
        return content

    def memory_mb(self, function: str) -> int:
        """Memory that the template gives a function."""
        return int(self._configuration(function)["MemorySize"])

    def environment(self, function: str, address: str) -> dict[str, str]:
        """A function's environment, for a container that reaches the stack at an address."""
        variables = self._configuration(function)["Environment"]["Variables"]
        return {
            **variables,
            "AWS_ENDPOINT_URL": f"http://{address}:{self.outputs['port']}",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def _configuration(self, function: str) -> dict[str, Any]:
        found: dict[str, Any] = self.client("lambda").get_function_configuration(
            FunctionName=self.outputs[function]
        )
        return found


def differences(one: Any, other: Any, ignoring: frozenset[str], at: str = "") -> Iterator[str]:
    """Where two JSON documents differ by more than rounding.

    Args:
        one: document.
        other: document.
        ignoring: members that may differ.
        at: path to them, for the messages.
    """
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted((one.keys() | other.keys()) - ignoring):
            yield from differences(one.get(name), other.get(name), ignoring, f"{at}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, (first, second) in enumerate(zip(one, other, strict=True)):
            yield from differences(first, second, ignoring, f"{at}[{index}]")
    elif _is_number(one) and _is_number(other):
        if not math.isclose(one, other, rel_tol=0, abs_tol=TOLERANCE):
            yield f"{at}: {one} in the image, {other} outside"
    elif type(one) is not type(other) or one != other:  # True is no 1
        yield f"{at}: {one!r} in the image, {other!r} outside"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
