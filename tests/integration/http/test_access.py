"""Every route of the HTTP API turns away who may not use it, whatever the request."""

from __future__ import annotations

import json

import pytest
import urllib3

from local.settings import REPOSITORY
from tests.stack import PATIENCE_S, LocalStack

DOCUMENT = json.loads((REPOSITORY / "docs" / "openapi.json").read_text())
OPERATIONS = [
    (method.upper(), path, operation.get("security", [{}])[0].get("token", []))
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]
GUARDED = [(method, path, scopes[0]) for method, path, scopes in OPERATIONS if scopes]
PLACES = {
    "clip_id": "0" * 32,
    "run": "never",
    "event": "1.wav",
    "version": "v1",
    "client_id": "none",
    "source": "gate",
}


@pytest.fixture(scope="module")
def expired(local_stack: LocalStack) -> str:
    """A token as the emulator's Cognito signs it, but of yesterday."""
    return local_stack.expired_token()


@pytest.fixture(scope="module")
def of_another_client(local_stack: LocalStack) -> str:
    """A valid token of the same user pool, for a client that is none of ours."""
    cognito = local_stack.client("cognito-idp")
    pool = local_stack.outputs["UserPoolId"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="stranger",
        GenerateSecret=True,
        AllowedOAuthFlowsUserPoolClient=True,
        AllowedOAuthFlows=["client_credentials"],
        AllowedOAuthScopes=["earshot/predict", "earshot/read", "earshot/train"],
    )["UserPoolClient"]
    stranger = client["ClientId"], client["ClientSecret"]
    answer = urllib3.request(
        "POST",
        local_stack.outputs["TokenUrl"],
        headers={
            **urllib3.make_headers(basic_auth=":".join(stranger)),
            "Content-Type": "application/x-www-form-urlencoded",
        },
        body="grant_type=client_credentials",
        timeout=PATIENCE_S,
    )
    return str(answer.json()["access_token"])


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_no_token(local_stack: LocalStack, method: str, path: str, scope: str) -> None:
    answer = local_stack.request(method, path.format(**PLACES), token=None)
    assert answer.status == 401


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_expired(local_stack: LocalStack, expired: str, method: str, path: str, scope: str) -> None:
    answer = local_stack.request(method, path.format(**PLACES), token=expired)
    assert answer.status == 401


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_wrong_audience(
    local_stack: LocalStack, of_another_client: str, method: str, path: str, scope: str
) -> None:
    answer = local_stack.request(method, path.format(**PLACES), token=of_another_client)
    assert answer.status == 401


@pytest.mark.parametrize(("method", "path", "scope"), GUARDED)
def test_missing_scope_and_right_scope(
    local_stack: LocalStack, method: str, path: str, scope: str
) -> None:
    needed = scope.removeprefix("earshot/")
    others = [other for other in ("predict", "read", "train", "admin") if other != needed]
    route = path.format(**PLACES)
    assert local_stack.request(method, route, token=local_stack.token(*others)).status == 403
    answer = local_stack.request(method, route, token=local_stack.token(needed))
    assert answer.status not in {401, 403, 500}


@pytest.mark.parametrize(
    ("group", "answers"),
    [
        (None, [403, 403, 403, 403]),
        ("viewer", [200, 403, 403, 403]),
        ("trainer", [200, 201, 403, 403]),
        ("admin", [200, 201, 201, 200]),
    ],
)
def test_people_may_do_what_their_groups_may(
    local_stack: LocalStack, group: str | None, answers: list[int]
) -> None:
    """They sign in by the pool's page, and the gateway lets the token pass to the function."""
    token = local_stack.persons_token(group)
    clip = {"label": "siren", "batch": "people"}
    requests = [
        ("GET", "/models", None),
        ("POST", "/training-clips", clip),
        ("POST", "/training-clips", clip | {"held_out": True}),
        ("POST", "/models/v1/promote", {"reason": "the champion as it is"}),
    ]
    found = []
    for method, route, content in requests:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        found.append(local_stack.request(method, route, body, headers, token).status)
    assert found == answers


def test_only_health_and_signed_links_are_open(local_stack: LocalStack) -> None:
    open_routes = [(method, path) for method, path, scopes in OPERATIONS if not scopes]
    signed = [("GET", "/audio/{clip_id}"), ("GET", "/audio/{clip_id}/events/{event}")]
    assert open_routes == [*signed, ("GET", "/health")]
    forged = f"?until={2**40}&signature={'0' * 64}"
    for _, path in signed:
        route = path.format(**PLACES) + forged
        assert local_stack.request("GET", route, token=None).status == 403
    answer = local_stack.request("GET", "/health", token=None)
    assert (answer.status, answer.json()) == (200, {"status": "ok"})


def test_an_unknown_route_needs_a_token_too(local_stack: LocalStack) -> None:
    assert local_stack.request("GET", "/nothing", token=None).status == 401


def test_a_preflight_needs_none_and_names_only_our_page(local_stack: LocalStack) -> None:
    for origin, let_in in (("http://localhost:8501", True), ("https://evil.example", False)):
        headers = {"Origin": origin, "Access-Control-Request-Method": "GET"}
        answer = local_stack.request("OPTIONS", "/results", headers=headers, token=None)
        assert answer.status != 401
        assert (answer.headers.get("Access-Control-Allow-Origin") == origin) is let_in
        assert "Access-Control-Allow-Credentials" not in answer.headers
