"""A receiver of webhooks on this machine: for a demonstration, for tests, and for `make alerts`."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """A request that came.

    Attributes:
        path: of it.
        headers: of it.
        body: as it came.
        json: what the body says.
    """

    path: str
    headers: dict[str, str]
    body: bytes
    json: Any


@dataclass
class Receiver:
    """What came, and how it is answered.

    Attributes:
        url: of the receiver.
        refuses: whether a request is refused with a 503.
        received: requests that were taken.
        refused: requests that were refused.
    """

    url: str = ""
    refuses: Callable[[Received], bool] = lambda _: False
    received: list[Received] = field(default_factory=list)
    refused: list[Received] = field(default_factory=list)

    def details(self, kind: str = "Earshot Alert") -> list[dict[str, Any]]:
        """Details of the events of a kind that came to a delivery of the kind `webhook`."""
        found = [one.json for one in self.received if one.json.get("type") == kind]
        return [one["detail"] for one in found]


@contextmanager
def receiver(took: Callable[[Received], None] = lambda _: None) -> Iterator[Receiver]:
    """A receiver on a free port; `took` is called with each request that is taken."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            request = Received(self.path, dict(self.headers.items()), body, json.loads(body))
            if found.refuses(request):
                found.refused.append(request)
                self.send_response(503)
            else:
                found.received.append(request)
                took(request)
                self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
