"""Who is signed in, and this browser session's client of the API."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

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


def signed_in() -> bool:
    """Whether there is something to show the API; it may still say no."""
    return _TOKEN in st.session_state or (is_open() and _REFUSED not in st.session_state)


def by_token() -> bool:
    """Whether this person has signed in, and can sign out."""
    return _TOKEN in st.session_state


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


def why_signed_out() -> str:
    """Why there is nobody signed in any more; empty if nobody was."""
    return str(st.session_state.get(_REFUSED, ""))


def client() -> EarshotClient:
    """The API, as the person who is signed in."""
    token = st.session_state.get(_TOKEN)
    if token:
        return EarshotClient(api_url(), lambda: token, _http())
    return _standing_client()


def client_with(token: str) -> EarshotClient:
    """The API, with a token that is yet to be tried."""
    return EarshotClient(api_url(), lambda: token, _http())


@st.cache_resource
def _http() -> httpx.Client:
    return httpx.Client(timeout=TIMEOUT)


@st.cache_resource
def _standing_client() -> EarshotClient:
    return _access().client()


def _access() -> Access:
    # The environment alone: a profile is its owner's, not of everybody who reaches this.
    return Access.find(None, os.environ, Path(os.devnull))
