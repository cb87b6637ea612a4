"""Who is signed in, and this browser session's client of the API."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from urllib.parse import urlencode

import httpx
import streamlit as st

from earshot.http.groups import RESOURCE_SERVER, groups_in, scopes_of
from earshot_client.api_client import EarshotClient
from earshot_client.cli.access import Access, AccessError
from earshot_client.transport import TIMEOUT

_TOKEN = "token"  # noqa: S105 # nosec B105 # where it is kept, not a token
_REFUSED = "refused"


def api_url() -> str:
    """Address of the API; empty if whoever started this did not say."""
    return _access().api_url.rstrip("/")


def is_open() -> bool:
    """Whether whoever started this let everybody in who reaches it, by a token or a client."""
    access = _access()
    return bool(access.token or (access.token_url and access.client_id and access.client_secret))


def by_provider() -> bool:
    """Whether people sign in by an OpenID provider; see `ui.serve`."""
    return os.environ.get("EARSHOT_SIGN_IN") == "oidc"


def signed_in() -> bool:
    """Whether there is something to show the API; it may still say no."""
    if _TOKEN in st.session_state:
        return True
    return _REFUSED not in st.session_state and (is_open() or _providers_token() is not None)


def in_person() -> bool:
    """Whether this person has signed in, and can sign out."""
    return _TOKEN in st.session_state or _providers_token() is not None


def name() -> str:
    """Who has signed in by a provider; empty for others."""
    return str(st.user.get("email", "")) if _providers_token() else ""


def may(scope: str) -> bool:
    """Whether the API is likely to allow what needs a scope; it decides itself, each time.

    A token is read here without its signature: whoever forges one is shown buttons that fail.
    """
    try:
        claims = client().token().split(".")[1]
        content = json.loads(base64.urlsafe_b64decode(claims + "=="))
    except (AccessError, ValueError, IndexError):
        return True  # there is no such token to read, or none is asked for
    allowed = set(str(content.get("scope", "")).split())
    if groups := groups_in(content.get("cognito:groups")):
        allowed &= scopes_of(groups)
    return f"{RESOURCE_SERVER}/{scope}" in allowed


def sign_in(token: str) -> None:
    """Use this token from now on, in this browser session only."""
    st.session_state[_TOKEN] = token
    st.session_state.pop(_REFUSED, None)


def sign_out(why: str = "") -> None:
    """Forget the token."""
    st.session_state.pop(_TOKEN, None)
    st.session_state[_REFUSED] = why


def way_out() -> str:
    """Address at which the provider forgets whoever has signed in, as Cognito wants it."""
    known = _http().get(os.environ["EARSHOT_OIDC_METADATA_URL"]).raise_for_status().json()
    wanted = {
        "client_id": os.environ["EARSHOT_OIDC_CLIENT_ID"],
        "logout_uri": os.environ["EARSHOT_UI_URL"].rstrip("/"),
    }
    return f"{known['end_session_endpoint']}?{urlencode(wanted)}"


def why_signed_out() -> str:
    """Why there is nobody signed in any more; empty if nobody was."""
    return str(st.session_state.get(_REFUSED, ""))


def client() -> EarshotClient:
    """The API, as the person who is signed in."""
    token = st.session_state.get(_TOKEN) or _providers_token()
    if token:
        return EarshotClient(api_url(), lambda: token, _http())
    return _standing_client()


def client_with(token: str) -> EarshotClient:
    """The API, with a token that is yet to be tried."""
    return EarshotClient(api_url(), lambda: token, _http())


def _providers_token() -> str | None:
    """Access token of whoever has signed in by the provider."""
    if not by_provider() or not st.user.is_logged_in:
        return None
    token = st.user.tokens.get("access")
    return str(token) if token else None


@st.cache_resource
def _http() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT)


@st.cache_resource
def _standing_client() -> EarshotClient:
    return _access().client()


def _access() -> Access:
    # The environment alone: a profile is its owner's, not of everybody who reaches this.
    return Access.find(None, os.environ, Path(os.devnull))
