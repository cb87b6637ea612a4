"""The commands about clients: bind devices to their sources, and revoke them."""

from __future__ import annotations

from collections.abc import Callable

import click
from rich.table import Table

from earshot_client.api_client import EarshotClient
from earshot_client.cli.options import as_json, explained
from earshot_client.cli.output import console, print_json

Connect = Callable[[], EarshotClient]


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
@explained
def clients(context: click.Context, as_json: bool) -> None:
    """List clients of the user pool and the sources that each may send clips of."""
    if context.invoked_subcommand:
        return
    connect: Connect = context.obj
    found = connect().clients()
    if as_json:
        print_json(found)
        return
    table = Table("client", "sources", "since", box=None)
    for client in found:
        table.add_row(client["client_id"], ", ".join(client["sources"]), client["bound_at"])
    console.print(table)


@clients.command()
@click.argument("client_id")
@click.argument("sources", nargs=-1, required=True)
@as_json
@click.pass_obj
@explained
def bind(connect: Connect, client_id: str, sources: tuple[str, ...], as_json: bool) -> None:
    """Let a client send clips of these SOURCES, and of no others."""
    bound = connect().bind_client(client_id, sources)
    if as_json:
        print_json(bound)
        return
    console.print(f"{client_id} may send clips of {', '.join(bound['sources'])}.")


@clients.command()
@click.argument("client_id")
@as_json
@click.pass_obj
@explained
def revoke(connect: Connect, client_id: str, as_json: bool) -> None:
    """Let a client send no clips any more."""
    revoked = connect().revoke_client(client_id)
    if as_json:
        print_json(revoked)
        return
    console.print(
        f"{client_id} may send no clips; it was bound to {', '.join(revoked['sources'])}."
    )
