"""Who asks."""

from __future__ import annotations

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter


def person(router: APIGatewayHttpRouter) -> str:
    """Subject of the request's token, which for a machine is its client id."""
    authorizer = router.current_event.request_context.authorizer
    claims = (authorizer.jwt_claim if authorizer else None) or {}
    return str(claims.get("sub") or claims.get("client_id") or "unknown")
