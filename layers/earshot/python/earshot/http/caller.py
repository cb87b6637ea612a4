"""Who sends a request, and whether the token allows it.

The gateway checks each token's signature and the scope that its route names. The functions check
the scope again: a request that the gateway routes by `$default` needs a token but no scope, and a
route may be declared without one by mistake.
"""

from __future__ import annotations

from dataclasses import dataclass

from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from earshot.errors import ForbiddenError, UnauthorizedError

NO_TOKENS = "none"  # value of API_TOKENS where no authorizer stands before the routes


@dataclass(frozen=True)
class Caller:
    """Who sends a request, by the claims of its token.

    Attributes:
        subject: the person, or the client id of a machine.
        client_id: the user pool's client that the token was issued to.
        scopes: that it was issued for.
    """

    subject: str
    client_id: str
    scopes: frozenset[str] = frozenset()


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
    return Caller(subject, client_id, frozenset(str(claims.get("scope") or "").split()))


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
        raise ForbiddenError(f"The token lacks the scope {scope}.")
    return caller
