"""Address of the API and credentials: environment variables, or a profile in a file."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import httpx

from earshot.errors import EarshotError
from earshot_client.api_client import EarshotClient

_EARLY_S = 60  # a token is renewed so long before its end


class AccessError(EarshotError):
    """The API's address or the credentials are missing or refused; the message says what to set."""


@dataclass(frozen=True)
class Access:
    """How to reach one deployment.

    Attributes:
        api_url: base URL.
        token: access token; or else
        token_url, client_id, client_secret: token endpoint and client credentials (RFC 6749,
            section 4.4). With neither, requests carry no token.
    """

    api_url: str = ""
    token: str = ""
    token_url: str = ""
    client_id: str = ""
    client_secret: str = ""

    @classmethod
    def find(cls, profile: str | None, environment: Mapping[str, str], config_file: Path) -> Access:
        """Read ``EARSHOT_API_URL``, ``EARSHOT_TOKEN`` and so on, and a profile for the rest.

        The file holds a table for each profile, with these attributes as keys. A profile that is
        not named is ``default``, if there is one.

        Raises:
            AccessError: the profile is missing, or the file cannot be read.
        """
        values = _profile(profile, config_file)
        for one in fields(cls):
            if value := environment.get(f"EARSHOT_{one.name.upper()}"):
                values[one.name] = value
        return cls(**values)

    def client(self) -> EarshotClient:
        """A client for this deployment.

        Raises:
            AccessError: something is missing.
        """
        if not self.api_url:
            raise AccessError(
                "Where is the API? Set EARSHOT_API_URL (on the local stack to what `make up` calls "
                "ApiUrl), or name a profile."
            )
        api_url = self.api_url.rstrip("/")
        if self.token:
            return EarshotClient(api_url, lambda: self.token)
        if self.token_url and self.client_id and self.client_secret:
            return EarshotClient(api_url, ClientCredentials(self))
        if self.token_url or self.client_id or self.client_secret:
            raise AccessError(
                "Tokens need all three: EARSHOT_TOKEN_URL, EARSHOT_CLIENT_ID and "
                "EARSHOT_CLIENT_SECRET."
            )
        return EarshotClient(api_url, lambda: "")  # a local stack may ask for none


class ClientCredentials:
    """Tokens for a machine, each used until shortly before its end."""

    def __init__(self, access: Access, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._clock = clock
        self._token = ""
        self._renew_at = 0.0

    def __call__(self) -> str:
        """A valid token.

        Raises:
            AccessError: there is none for this client.
        """
        if not self._token or self._clock() >= self._renew_at:
            started = self._clock()
            answer = self._ask()
            self._token = answer["access_token"]
            self._renew_at = started + float(answer["expires_in"]) - _EARLY_S
        return self._token

    def _ask(self) -> dict[str, str]:
        access = self._access
        try:
            answer = httpx.post(
                access.token_url,
                auth=(access.client_id, access.client_secret),
                data={"grant_type": "client_credentials"},
            )
            answer.raise_for_status()
        except httpx.HTTPError as error:
            raise AccessError(f"There is no token from {access.token_url}: {error}") from error
        content: dict[str, str] = answer.json()
        return content


def _profile(name: str | None, config_file: Path) -> dict[str, str]:
    try:
        profiles = tomllib.loads(config_file.read_text()) if config_file.is_file() else {}
    except (OSError, ValueError) as error:
        raise AccessError(f"{config_file} cannot be read: {error}") from error
    found = profiles.get(name or "default", {})
    if name and not found:
        raise AccessError(f"There is no profile {name} in {config_file}.")
    known = {one.name for one in fields(Access)}
    if unknown := found.keys() - known:
        raise AccessError(f"{config_file} has {', '.join(unknown)}; known are {', '.join(known)}.")
    return dict(found)
