"""A secret of AWS Secrets Manager."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from earshot.aws.errors import unavailable_on_failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_CACHED_S = 60.0


class Secret:
    """A secret's text, a minute old at most.

    Args:
        client: of Secrets Manager.
        arn: of the secret.
    """

    def __init__(self, client: SecretsManagerClient, arn: str) -> None:
        self._client = client
        self._arn = arn
        self._text = ""
        self._read_at = 0.0
        self._lock = threading.Lock()

    def __call__(self) -> str:
        """The text. Raises `UnavailableError`."""
        with self._lock:
            # Not the monotonic clock, which stands still while an environment is frozen or a
            # snapshot. Backwards, too: a clock that was set says nothing about the text's age.
            now = time.time()
            if not self._text or abs(now - self._read_at) > _CACHED_S:
                with unavailable_on_failure("The secret store"):
                    answer = self._client.get_secret_value(SecretId=self._arn)
                self._text, self._read_at = answer["SecretString"], now
            return self._text
