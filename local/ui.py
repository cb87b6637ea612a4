"""`python -m local.ui`: the web interface, on the local stack unless EARSHOT_API_URL is set."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from local import process
from local.clients import forget_aws_settings, local_session
from local.settings import REPOSITORY, LocalStackError, Settings

DEFAULT_PORT = 8501


def main() -> None:
    try:
        environment = os.environ | access(os.environ)
        port = free_port(os.environ.get("UI_PORT") or str(DEFAULT_PORT))
    except LocalStackError as error:
        sys.exit(str(error))
    print(f"The web interface is at http://127.0.0.1:{port}; Ctrl-C ends it.", flush=True)
    os.chdir(REPOSITORY)
    arguments = command(port)
    # Streamlit's own welcome goes to standard output, and what is wrong to standard error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.execve(arguments[0], arguments, environment)  # noqa: S606 - fixed arguments, no shell


def command(port: int) -> list[str]:
    """What starts the interface; .streamlit/config.toml says the rest."""
    return [
        sys.executable, "-m", "streamlit", "run", "ui/app.py", f"--server.port={port}",
        "--logger.level=warning", "--server.showEmailPrompt=false",
    ]  # fmt: skip


def access(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the API is, and what lets everybody in who reaches the interface.

    That is as it should be for the local stack, which serves this machine alone. Elsewhere it is
    for whoever sets the variables to decide.

    Raises:
        LocalStackError: no stack is up, and no other API is named.
    """
    if environment.get("EARSHOT_API_URL"):
        return {}
    settings = Settings.from_environment(environment)
    if not (settings.outputs_file.is_file() and process.find(settings)):
        raise LocalStackError(
            "The local stack is not up. Start it first: make up\n"
            "For another one, set EARSHOT_API_URL."
        )
    outputs = json.loads(settings.outputs_file.read_text())
    return {
        "EARSHOT_API_URL": outputs["ApiUrl"],
        "EARSHOT_TOKEN_URL": outputs["TokenUrl"],
        "EARSHOT_CLIENT_ID": outputs["ServiceClientId"],
        "EARSHOT_CLIENT_SECRET": _secret(outputs),
    }


def free_port(wanted: str) -> int:
    """The port as a number.

    Raises:
        LocalStackError: it is none, or somebody listens on it.
    """
    if not (wanted.isdecimal() and 1 <= int(wanted) <= 65535):
        raise LocalStackError(f"UI_PORT is {wanted!r}; it must be a number from 1 to 65535.")
    process.require_free_port(int(wanted), "UI_PORT={} make ui")
    return int(wanted)


def _secret(outputs: dict[str, Any]) -> str:
    forget_aws_settings()
    cognito = local_session().client("cognito-idp", endpoint_url=outputs["endpoint"])
    client = cognito.describe_user_pool_client(
        UserPoolId=outputs["UserPoolId"], ClientId=outputs["ServiceClientId"]
    )
    return str(client["UserPoolClient"]["ClientSecret"])


if __name__ == "__main__":
    main()
