"""Address of the API and credentials: environment variables, or a profile in a file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

import httpx
from authlib.oauth2 import OAuth2Client, OAuth2Error
from authlib.oauth2.rfc6749 import OAuth2Token

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
    """Tokens for a machine by the client credentials grant, each used until shortly before its end.

    Args:
        access: with token endpoint, client id and client secret.
        http: sends the requests.
    """

    def __init__(self, access: Access, http: httpx.Client | None = None) -> None:
        # Authlib's integration of httpx is deprecated in favor of httpx2. Its plain client works
        # with a session of httpx, given the credentials in httpx's form.
        self._oauth2 = OAuth2Client(http or httpx.Client())
        self._token_url = access.token_url
        self._basic_auth = (access.client_id, access.client_secret)
        self._token: OAuth2Token | None = None

    def __call__(self) -> str:
        """A valid token.

        Raises:
            AccessError: there is none for this client.
        """
        if self._token is None or self._token.is_expired(_EARLY_S):
            self._token = self._fetch()
        return str(self._token["access_token"])

    def _fetch(self) -> OAuth2Token:
        try:
            token = self._oauth2.fetch_token(
                self._token_url, grant_type="client_credentials", auth=self._basic_auth
            )
        except (httpx.HTTPError, OAuth2Error, ValueError) as error:
            raise AccessError(f"There is no token from {self._token_url}: {error}") from error
        if "access_token" not in token:
            raise AccessError(f"There is no token from {self._token_url}: {dict(token)}")
        return token


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
