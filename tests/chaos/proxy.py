"""A proxy between the functions and AWS that lets calls fail."""

from __future__ import annotations

import http.client
import random
import re
import threading
import time
from collections import Counter
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# Of all calls: the share that fails before AWS has done anything, and the share whose answer is
# lost after AWS has done it.
FAILS_BEFORE = 0.02
FAILS_AFTER = 0.02
# Each service in turn is away for a while: longer than the clients' own retries.
OUTAGE_S = 4.0
OUTAGE_EVERY_S = 20.0
SERVICES = ("dynamodb", "sns", "s3", "sqs")

_SERVICE = re.compile(r"Credential=[^/]+/\d+/[^/]+/(\w+)/")
_HOP = {"connection", "keep-alive", "transfer-encoding", "date", "server", "content-length"}


class FaultyProxy:
    """Passes on what functions call, and fails some of it with 503.

    Attributes:
        calls: so far.
        written: answers to `PutItem`: how far the functions have got.
        faults: by service and kind.

    Args:
        port: of the emulator.
        seed: of the random faults.
    """

    NOTHING: tuple[int, Any, bytes] = (503, {}, b"")

    def __init__(self, port: int, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self.calls = 0
        self.written = 0
        self._emulator_port = port
        self._random = random.Random(seed)  # noqa: S311 - no secret
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._quiet = threading.Event()
        self._server = _Server(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """What functions call."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def begin(self) -> None:
        """Faults from now on: the functions are deployed."""
        self._began = time.monotonic()
        self._quiet.clear()

    def rest(self) -> None:
        """No faults any more."""
        self._quiet.set()

    def close(self) -> None:
        """Stop."""
        self._server.shutdown()
        self._server.server_close()

    def fault(self, service: str) -> str | None:
        """What is to happen to a call now: `outage`, `before`, `after` or nothing."""
        with self._lock:
            self.calls += 1
            if self._quiet.is_set():
                return None
            turn, into = divmod(time.monotonic() - self._began, OUTAGE_EVERY_S)
            if into < OUTAGE_S and SERVICES[int(turn) % len(SERVICES)] == service:
                kind = "outage"
            elif (roll := self._random.random()) < FAILS_BEFORE:
                kind = "before"
            elif roll < FAILS_BEFORE + FAILS_AFTER:
                kind = "after"
            else:
                return None
            self.faults[f"{service} {kind}"] += 1
            return kind

    def forward(self, handler: BaseHTTPRequestHandler, body: bytes) -> tuple[int, Any, bytes]:
        """Pass a request on; returns status, headers and body of the answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self._emulator_port, timeout=60)
        try:
            connection.request(handler.command, handler.path, body, dict(handler.headers.items()))
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        except (OSError, http.client.HTTPException):
            self.faults["emulator did not answer"] += 1
            return self.NOTHING
        finally:
            connection.close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                match = _SERVICE.search(self.headers.get("Authorization", ""))
                kind = proxy.fault(match[1] if match else "unknown")
                status, headers, content = proxy.NOTHING
                if kind in (None, "after"):
                    status, headers, content = proxy.forward(self, body)
                if self.headers.get("X-Amz-Target", "").endswith(".PutItem"):
                    proxy.written += status == HTTPStatus.OK
                if kind == "after":
                    status, headers, content = proxy.NOTHING
                self.send_response(status)
                for name, value in headers.items():
                    if name.lower() not in _HOP:
                        self.send_header(name, value)
                length = headers.get("Content-Length") if self.command == "HEAD" else len(content)
                self.send_header("Content-Length", str(length or 0))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do  # noqa: N815 - http.server's

            def log_message(self, format: str, *arguments: Any) -> None:
                """Say nothing."""

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: callers are killed in the middle of a call."""
