"""A secret of AWS Secrets Manager."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earshot.aws.errors import unavailable_on_failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient


class Secret:
    """A secret's text, read when it is asked for the first time.

    Args:
        client: of Secrets Manager.
        arn: of the secret.
    """

    def __init__(self, client: SecretsManagerClient, arn: str) -> None:
        self._client = client
        self._arn = arn
        self._text = ""

    def __call__(self) -> str:
        """The text. Raises `UnavailableError`."""
        if not self._text:
            with unavailable_on_failure("The secret store"):
                self._text = self._client.get_secret_value(SecretId=self._arn)["SecretString"]
        return self._text
