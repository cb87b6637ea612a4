"""Who asks."""

from __future__ import annotations

from typing import cast

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2


def person(router: Router) -> str:
    """Subject of the request's token, which for a machine is its client id."""
    event = cast(APIGatewayProxyEventV2, router.current_event)
    authorizer = event.request_context.authorizer
    claims = (authorizer.jwt_claim if authorizer else None) or {}
    return str(claims.get("sub") or claims.get("client_id") or "unknown")
