"""`python -m local.ui`: the web interface, on the local stack unless EARSHOT_API_URL is set."""

from __future__ import annotations

import json
import os
import secrets as secrets_module
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.clients import forget_aws_settings, local_session
from local.deployment.variables import set_variables
from local.emulator import process
from local.settings import REPOSITORY, LocalStackError, Settings
from ui.serve import command, secrets_toml

DEFAULT_PORT = 8501


def main() -> None:
    try:
        port = free_port(os.environ.get("UI_PORT") or str(DEFAULT_PORT))
        by_provider = os.environ.get("SIGN_IN", "off") == "on"
        environment = os.environ | (provider(port) if by_provider else access(os.environ))
        secrets = write_secrets(environment) if by_provider else None
        if by_provider or not os.environ.get("EARSHOT_API_URL"):
            link_alerts(_stack(os.environ)[1], f"http://127.0.0.1:{port}")
    except LocalStackError as error:
        sys.exit(str(error))
    print(f"The web interface is at http://127.0.0.1:{port}; Ctrl-C ends it.", flush=True)
    os.chdir(REPOSITORY)
    arguments = command(port, secrets)
    # Streamlit's own welcome goes to standard output, and what is wrong to standard error.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    os.execve(arguments[0], arguments, environment)  # noqa: S606 - fixed arguments, no shell


def provider(port: int) -> dict[str, str]:
    """The local stack's user pool as the provider by which people sign in.

    Raises:
        LocalStackError: no stack is up.
    """
    settings, outputs = _stack(os.environ)
    url = f"http://127.0.0.1:{port}"
    forget_aws_settings()
    cognito = local_session().client("cognito-idp", endpoint_url=outputs["endpoint"])
    pool, client_id = outputs["UserPoolId"], outputs["PeopleClientId"]
    client: Any = cognito.describe_user_pool_client(UserPoolId=pool, ClientId=client_id)
    known = client["UserPoolClient"]
    names = ("SupportedIdentityProviders", "AllowedOAuthFlows", "AllowedOAuthScopes",
             "AllowedOAuthFlowsUserPoolClient")  # fmt: skip
    cognito.update_user_pool_client(
        UserPoolId=pool,
        ClientId=client_id,
        CallbackURLs=sorted({*known["CallbackURLs"], f"{url}/oauth2callback"}),
        LogoutURLs=sorted({*known.get("LogoutURLs", []), url}),
        **{name: known[name] for name in names if name in known},
    )
    return {
        "EARSHOT_API_URL": outputs["ApiUrl"],
        "EARSHOT_UI_URL": url,
        "EARSHOT_OIDC_METADATA_URL": (
            f"{outputs['endpoint']}/{pool}/.well-known/openid-configuration"
        ),
        "EARSHOT_OIDC_CLIENT_ID": client_id,
        "EARSHOT_COOKIE_SECRET": secrets_module.token_urlsafe(32),
        "EARSHOT_SIGN_IN": "oidc",
        "EARSHOT_SECRETS_FILE": str(settings.outputs_file.with_name("ui-secrets.toml")),
    }


def link_alerts(outputs: Mapping[str, Any], url: str) -> None:
    """Have the alerts of a local stack link to its web interface, as the parameter `UiUrl` does."""
    forget_aws_settings()
    set_variables(outputs, "AlertFunction", {"UI_URL": url})


def write_secrets(environment: Mapping[str, str]) -> Path:
    """Streamlit's secrets, in the stack's folder."""
    path = Path(environment["EARSHOT_SECRETS_FILE"])
    path.touch(mode=0o600)
    path.write_text(secrets_toml(environment))
    return path


def access(environment: Mapping[str, str]) -> dict[str, str]:
    """Where the API is, and what lets everybody in who reaches the interface.

    That is as it should be for the local stack, which serves this machine alone. Elsewhere it is
    for whoever sets the variables to decide.

    Raises:
        LocalStackError: no stack is up, and no other API is named.
    """
    if environment.get("EARSHOT_API_URL"):
        return {}
    _, outputs = _stack(environment)
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


def _stack(environment: Mapping[str, str]) -> tuple[Settings, dict[str, Any]]:
    settings = Settings.from_environment(environment)
    if not (settings.outputs_file.is_file() and process.find(settings)):
        raise LocalStackError(
            "The local stack is not up. Start it first: make up\n"
            "For another one, set EARSHOT_API_URL."
        )
    return settings, json.loads(settings.outputs_file.read_text())


def _secret(outputs: dict[str, Any]) -> str:
    forget_aws_settings()
    cognito = local_session().client("cognito-idp", endpoint_url=outputs["endpoint"])
    client = cognito.describe_user_pool_client(
        UserPoolId=outputs["UserPoolId"], ClientId=outputs["ServiceClientId"]
    )
    return str(client["UserPoolClient"]["ClientSecret"])


if __name__ == "__main__":
    main()
