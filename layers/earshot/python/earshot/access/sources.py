"""Which sources a client may send clips of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from earshot.errors import ForbiddenError
from earshot.uploads.objects import clean_source

if TYPE_CHECKING:
    from earshot.access.bindings import ClientBindings


@dataclass(frozen=True)
class Binding:
    """The sources that a client of the user pool may send clips of.

    Attributes:
        client_id: of the client.
        sources: as `clean_source` stores them.
        bound_by: subject of the token that bound it.
        bound_at: when.
    """

    client_id: str
    sources: tuple[str, ...]
    bound_by: str
    bound_at: datetime


class SourcePolicy:
    """Binds devices to their sources, so that none can speak for another site or mute its alarm.

    Args:
        bindings: of the clients; None where there are none, and every client may name any source.
        unbound: client ids that may name any source: those of people and of services.
    """

    def __init__(self, bindings: ClientBindings | None, unbound: Sequence[str]) -> None:
        self._bindings = bindings
        self._unbound = frozenset(unbound)

    def source(self, client_id: str, wanted: str | None) -> str | None:
        """Source of a clip that a client sends.

        Args:
            client_id: of the client; empty where no token is asked for.
            wanted: the source that the request names; None if it names none. A client that is bound
                to one source need not name it.

        Returns:
            The source as it is stored; None if none is named and any is allowed.

        Raises:
            ForbiddenError: the client is bound to no source, or to others.
            UnavailableError: the bindings cannot be read.
        """
        source = clean_source(wanted) if wanted else None
        if self._bindings is None or not client_id or client_id in self._unbound:
            return source
        binding = self._bindings.get(client_id)
        if binding is None:
            raise ForbiddenError(
                f"The client {client_id} is bound to no source, so it may send no clips. An "
                "administrator binds it: earshot clients bind CLIENT_ID SOURCE."
            )
        if source is None and len(binding.sources) == 1:
            return binding.sources[0]
        if source not in binding.sources:
            asked = f"not to {source}" if source else "and the request names none"
            raise ForbiddenError(
                f"The client {client_id} is bound to {', '.join(binding.sources)}, {asked}."
            )
        return source
