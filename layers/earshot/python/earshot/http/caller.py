"""Who sends a request, and whether the token allows it.

The gateway checks each token's signature and the scope that its route names. The functions check
the scope again: a request that the gateway routes by `$default` needs a token but no scope, a route
may be declared without one by mistake, and the gateway knows nothing of people's groups.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from earshot.errors import ForbiddenError, UnauthorizedError
from earshot.http.groups import groups_in, scopes_of

NO_TOKENS = "none"  # value of API_TOKENS where no authorizer stands before the routes


@dataclass(frozen=True)
class Caller:
    """Who sends a request, by the claims of its token.

    Attributes:
        subject: the person, or the client id of a machine.
        client_id: the user pool's client that the token was issued to.
        scopes: that it was issued for, of a person those alone that their groups have as well.
        is_person: somebody signed in for the token; a machine's own is in no group.
    """

    subject: str
    client_id: str
    scopes: frozenset[str] = frozenset()
    is_person: bool = False


# Of requests that carry no token, where none is asked for.
ANYONE = Caller("unknown", "")


def caller_of(event: APIGatewayProxyEventV2) -> Caller | None:
    """Caller of a request; None if it carries no token."""
    authorizer = event.request_context.authorizer
    claims = authorizer.jwt_claim if authorizer else None
    if not claims:
        return None
    client_id = str(claims.get("client_id") or claims.get("sub") or "")
    subject = str(claims.get("sub") or client_id)
    scopes = frozenset(str(claims.get("scope") or "").split())
    # The subject of a client's own token is the client (OAuth 2.0 client credentials).
    is_person = subject != client_id or "username" in claims
    if is_person:
        scopes &= scopes_of(groups_in(claims.get("cognito:groups")))
    return Caller(subject, client_id, scopes, is_person)


def allowed_caller(event: APIGatewayProxyEventV2, scope: str, *, asks_for_tokens: bool) -> Caller:
    """Caller of a request that needs a scope, such as ``earshot/read``.

    Args:
        event: the request.
        scope: that it needs.
        asks_for_tokens: False on a local stack that asks for none.

    Raises:
        UnauthorizedError: the request carries no token.
        ForbiddenError: the token lacks the scope.
    """
    caller = caller_of(event)
    if caller is None:
        if asks_for_tokens:
            raise UnauthorizedError("This needs a token (Authorization: Bearer …).")
        return ANYONE
    if scope not in caller.scopes:
        raise ForbiddenError(
            f"This needs {scope}: the token was not issued for it, or you are in no group that has "
            "it. An administrator of the user pool adds people to groups."
            if caller.is_person
            else f"The token lacks the scope {scope}."
        )
    return caller
