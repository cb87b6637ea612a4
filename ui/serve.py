"""`python -m ui.serve PORT`: the interface for many, who sign in by an OpenID provider.

The environment says which: EARSHOT_API_URL, EARSHOT_UI_URL (the address that browsers use),
EARSHOT_OIDC_METADATA_URL, EARSHOT_OIDC_CLIENT_ID (a client without a secret; the code is protected
by PKCE, RFC 7636), and EARSHOT_COOKIE_SECRET, by which the cookie of a session is signed.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

_SCOPES = "openid email earshot/predict earshot/read earshot/train earshot/admin"
_NEEDED = (
    "EARSHOT_API_URL", "EARSHOT_UI_URL", "EARSHOT_OIDC_METADATA_URL", "EARSHOT_OIDC_CLIENT_ID",
    "EARSHOT_COOKIE_SECRET",
)  # fmt: skip


def secrets_toml(environment: Mapping[str, str]) -> str:
    """Streamlit's secrets for `st.login`; a JSON string is one of TOML, too.

    Streamlit wants a secret of the client though the client has none; it is not sent.

    Raises:
        KeyError: a variable is missing.
    """
    values = {name: json.dumps(environment[name]) for name in _NEEDED}
    redirect = json.dumps(environment["EARSHOT_UI_URL"].rstrip("/") + "/oauth2callback")
    return f"""[auth]
redirect_uri = {redirect}
cookie_secret = {values["EARSHOT_COOKIE_SECRET"]}
expose_tokens = ["access"]
client_id = {values["EARSHOT_OIDC_CLIENT_ID"]}
client_secret = "none"
server_metadata_url = {values["EARSHOT_OIDC_METADATA_URL"]}

[auth.client_kwargs]
scope = "{_SCOPES}"
token_endpoint_auth_method = "none"
code_challenge_method = "S256"
prompt = "login"
"""


def command(port: int, secrets: Path | None = None, address: str = "127.0.0.1") -> list[str]:
    """What starts the interface; .streamlit/config.toml says the rest."""
    return [
        sys.executable, "-m", "ui.start", "ui/app.py", f"--server.port={port}",
        f"--server.address={address}", "--logger.level=warning", "--server.showEmailPrompt=false",
        *([f"--secrets.files={secrets}"] if secrets else []),
    ]  # fmt: skip


def main() -> None:
    if missing := [name for name in _NEEDED if not os.environ.get(name)]:
        sys.exit(f"Set {', '.join(missing)}; see docs/ui.md.")
    handle, path = tempfile.mkstemp(suffix=".toml")  # for its owner alone
    with os.fdopen(handle, "w") as file:
        file.write(secrets_toml(os.environ))
    # A load balancer reaches the container at whatever address it has.
    arguments = command(int(sys.argv[1]), Path(path), "0.0.0.0")  # noqa: S104 # nosec B104
    os.execve(  # noqa: S606 # nosec B606 # fixed arguments, no shell
        arguments[0], arguments, os.environ | {"EARSHOT_SIGN_IN": "oidc"}
    )


if __name__ == "__main__":
    main()
