"""A stream to listen to, and a network that can be cut: for a demonstration and for tests."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RATE = 16000
PIECE_S = 0.1


class Radio:
    """An HTTP server that sends sound over and over, in its own time, as a camera does.

    Args:
        formats: content of each connection after the other; the last one's is also of all later
            ones. Each is sent at a pace of so many bytes a second, `bytes_s`.
    """

    def __init__(self, formats: Sequence[bytes], bytes_s: int = 2 * RATE) -> None:
        self.began: list[datetime] = []  # of each connection
        self._formats = formats
        self._open: set[socket.socket] = set()
        radio = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = radio._formats[min(len(radio.began), len(radio._formats) - 1)]
                radio.began.append(datetime.now(UTC))
                radio._open.add(self.connection)
                self.send_response(200)
                self.send_header("Content-Type", "audio/unknown")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                began, sent = time.monotonic(), 0
                with contextlib.suppress(OSError):
                    while sent < len(content):
                        piece = content[sent : sent + round(bytes_s * PIECE_S)]
                        self.wfile.write(piece)
                        sent += len(piece)
                        time.sleep(max(0, began + sent / bytes_s - time.monotonic()))
                radio._open.discard(self.connection)

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/stream"

    def break_off(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.break_off()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def radio(*formats: bytes, bytes_s: int = 2 * RATE) -> Iterator[Radio]:
    opened = Radio(formats, bytes_s)
    try:
        yield opened
    finally:
        opened.close()


class Network:
    """Forwards a port of this machine to another, unless it is cut."""

    def __init__(self, target: int) -> None:
        self.cut = threading.Event()
        network = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                if network.cut.is_set():
                    return
                with socket.create_connection(("127.0.0.1", target)) as out:
                    back = threading.Thread(target=pump, args=(out, self.request), daemon=True)
                    back.start()
                    pump(self.request, out)
                    back.join()

        def pump(source: socket.socket, sink: socket.socket) -> None:
            with contextlib.suppress(OSError):
                while read := source.recv(65536):
                    if network.cut.is_set():
                        break
                    sink.sendall(read)
            for end in (source, sink):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True

        self._server = Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.port = self._server.server_address[1]

    def close(self) -> None:
        self.cut.set()
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def network(target: int) -> Iterator[Network]:
    opened = Network(target)
    try:
        yield opened
    finally:
        opened.close()
