"""Ask the classify function which model it serves.

The champion pointer says which should. Only the function knows which it has loaded: it may not
have looked at the pointer yet, or have refused the champion.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import UnavailableError

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# The event that asks; neither API Gateway nor SQS sends its like.
WHAT_SERVES = {"earshot": "what serves"}


class ClassifyFunction:
    """The classify function.

    Args:
        client: makes the client of Lambda when it is needed.
        name: of the function, with the alias whose version serves.
    """

    def __init__(self, client: Callable[[], LambdaClient], name: str) -> None:
        self._client = client
        self._name = name

    def serving(self) -> dict[str, Any]:
        """``version, manifest_sha256, yamnet_sha256`` of what serves, and a ``refusal`` or None.

        Raises:
            UnavailableError: it does not answer, because it is throttled, say, or failed.
        """
        with unavailable_on_failure("classify"):
            answer = self._client().invoke(
                FunctionName=self._name, Payload=json.dumps(WHAT_SERVES).encode()
            )
            content = answer["Payload"].read()
        if answer.get("FunctionError"):
            raise UnavailableError(f"classify failed: {content.decode(errors='replace')[:500]}")
        found: dict[str, Any] = json.loads(content)
        return found
