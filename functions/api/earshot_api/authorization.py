"""Who asks, and whether the token allows it."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from earshot.errors import BadRequestError
from earshot.http.caller import ANYONE, Caller, allowed_caller, caller_of
from earshot.http.groups import RESOURCE_SERVER
from earshot_api.scopes import SCHEME
from earshot_api.wiring import asks_for_tokens

# Routes of the gateway that stand for any path: 404 or 405, whatever the token.
CATCH_ALL_ROUTES = {"$default", "OPTIONS /{proxy+}"}


def check(operation: dict[str, Any], request: APIGatewayProxyEventV2) -> None:
    """Check token and query of a request, before anything of it is used.

    Args:
        operation: of the OpenAPI document.
        request: for it.

    Raises:
        UnauthorizedError: the request carries no token.
        ForbiddenError: the token lacks the operation's scope.
        BadRequestError: a query parameter is unknown.
    """
    for requirement in operation.get("security", []):
        for scope in requirement[SCHEME]:
            allowed_caller(request, scope, asks_for_tokens=asks_for_tokens())
    _check_query(operation, request)


def _check_query(operation: dict[str, Any], request: APIGatewayProxyEventV2) -> None:
    known = [one["name"] for one in operation.get("parameters", []) if one["in"] == "query"]
    if unknown := sorted((request.query_string_parameters or {}).keys() - set(known)):
        accepted = f"Accepted: {', '.join(known)}." if known else "There are none here."
        raise BadRequestError(f"Unknown query parameters: {', '.join(unknown)}. {accepted}")


def caller(router: APIGatewayHttpRouter) -> Caller:
    """Who sends the present request."""
    return caller_of(router.current_event) or ANYONE


def require(router: APIGatewayHttpRouter, scope: str) -> None:
    """Check a scope that the present request needs for what its body asks, such as ``admin``.

    Raises:
        ForbiddenError: the token lacks it.
    """
    request = router.current_event
    allowed_caller(request, f"{RESOURCE_SERVER}/{scope}", asks_for_tokens=asks_for_tokens())
