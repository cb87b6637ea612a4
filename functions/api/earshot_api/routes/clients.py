"""Clients of the user pool, and the sources that each may send clips of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from aws_lambda_powertools.event_handler.openapi.params import Path
from aws_lambda_powertools.event_handler.router import APIGatewayHttpRouter

from earshot.access.sources import Binding
from earshot.errors import NotFoundError
from earshot.results.serialization import Json
from earshot.times import format_time
from earshot_api.authorization import caller
from earshot_api.problems import answers
from earshot_api.schemas.clients import Client, Clients
from earshot_api.schemas.requests import BindingRequest, ClientId
from earshot_api.scopes import needs
from earshot_api.wiring import services

router = APIGatewayHttpRouter()


@router.get(
    "/clients",
    operation_id="find_clients",
    summary="Clients that are bound to sources",
    tags=["clients"],
    security=needs("admin"),
    responses=answers(Clients, 503),
)
def find() -> Json:
    return {"clients": [_to_json(binding) for binding in services().clients.all()]}


@router.put(
    "/clients/<client_id>",
    operation_id="bind_client",
    summary="Bind a client to its sources",
    description=(
        "From now on the client may send clips of these sources and of no others. A device that is "
        "bound to nothing may send none."
    ),
    tags=["clients"],
    security=needs("admin"),
    responses=answers(Client, 400, 404, 413, 415, 422, 503),
)
def bind(
    client_id: Annotated[ClientId, Path(description="Of the user pool")], wanted: BindingRequest
) -> Json:
    sources = tuple(dict.fromkeys(wanted.sources))
    binding = Binding(client_id, sources, caller(router).subject, datetime.now(UTC))
    services().clients.put(binding)
    return _to_json(binding)


@router.delete(
    "/clients/<client_id>",
    operation_id="revoke_client",
    summary="Bind a client to nothing",
    description="It may send no clips from now on; upload tickets it has run out within an hour.",
    tags=["clients"],
    security=needs("admin"),
    responses=answers(Client, 404, 422, 503),
)
def revoke(client_id: Annotated[ClientId, Path(description="Of the user pool")]) -> Json:
    clients = services().clients
    binding = clients.get(client_id)
    if binding is None or not clients.delete(client_id):
        raise NotFoundError(f"The client {client_id} is bound to no source.")
    return _to_json(binding)


def _to_json(binding: Binding) -> Json:
    return {
        "client_id": binding.client_id,
        "sources": list(binding.sources),
        "bound_by": binding.bound_by,
        "bound_at": format_time(binding.bound_at),
    }
