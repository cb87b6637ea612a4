"""People in the local stack's user pool, who sign in as people do: by the pool's own page."""

from __future__ import annotations

import base64
import hashlib
import secrets
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import urllib3
from botocore.exceptions import ClientError

from local.clients import local_session
from local.settings import LocalStackError


def sign_in(endpoint: str, user_pool_id: str, client_id: str, group: str | None) -> str:
    """Token of a person in this group; the person is made anew with each first call for a group.

    The authorization code flow with PKCE (RFC 7636), with all scopes that the client may ask for.

    Args:
        endpoint: of the emulator.
        user_pool_id: of the stack.
        client_id: of its client for people.
        group: of the user pool; None for a person in none.

    Raises:
        LocalStackError: the emulator gives no token.
    """
    cognito = local_session().client("cognito-idp", endpoint_url=endpoint)
    email, password = f"{group or 'nobody'}@ear.example", f"Aa1!{secrets.token_urlsafe(16)}"
    _make(cognito, user_pool_id, email, password, group)
    client: Any = cognito.describe_user_pool_client(UserPoolId=user_pool_id, ClientId=client_id)
    settings = client["UserPoolClient"]
    verifier = secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest())
    back = settings["CallbackURLs"][0]
    answer = _post(
        f"{endpoint}/login",
        {
            "username": email, "password": password, "client_id": client_id, "redirect_uri": back,
            "response_type": "code", "scope": " ".join(settings["AllowedOAuthScopes"]),
            "state": "", "nonce": "", "code_challenge_method": "S256",
            "code_challenge": challenge.decode().rstrip("="),
        },
    )  # fmt: skip
    code = parse_qs(urlsplit(answer.headers.get("Location", "")).query).get("code")
    if not code:
        raise LocalStackError(f"{email} cannot sign in: {answer.status}")
    answer = _post(
        f"{endpoint}/oauth2/token",
        {
            "grant_type": "authorization_code", "client_id": client_id, "redirect_uri": back,
            "code": code[0], "code_verifier": verifier,
        },
    )  # fmt: skip
    if answer.status != 200:
        raise LocalStackError(f"There is no token for {email}: {answer.data.decode()}")
    return str(answer.json()["access_token"])


def _make(cognito: Any, pool: str, email: str, password: str, group: str | None) -> None:
    try:
        cognito.admin_create_user(UserPoolId=pool, Username=email, MessageAction="SUPPRESS")
    except ClientError as error:
        if error.response["Error"]["Code"] != "UsernameExistsException":
            raise
    cognito.admin_set_user_password(
        UserPoolId=pool, Username=email, Password=password, Permanent=True
    )
    if group:
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=email, GroupName=group)


def _post(url: str, fields: dict[str, str]) -> urllib3.BaseHTTPResponse:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return urllib3.request("POST", url, body=urlencode(fields), headers=headers, redirect=False)
