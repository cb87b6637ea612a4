"""A stand-in for the AWS services that classify calls, on a port of its own.

DynamoDB takes every row, S3 every object; S3 has the objects that it is given and no champion, so
that the bundled model serves. Nothing of AWS is measured; what classify does to call it, is.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

_NO_SUCH_KEY = b"<Error><Code>NoSuchKey</Code><Message>It is not there.</Message></Error>"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    objects: dict[str, Path]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer(200, b"{}", "application/x-amz-json-1.0")

    def do_PUT(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer(200, b"", "application/xml")

    def do_GET(self) -> None:
        path = self.objects.get(urlsplit(self.path).path)
        if path is None:
            self._answer(404, _NO_SUCH_KEY, "application/xml")
            return
        self.send_response(200)
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as file:
            shutil.copyfileobj(file, self.wfile, 2**20)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes, content_type: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def aws(objects: dict[str, Path]) -> Iterator[str]:
    """Endpoint of the stand-in.

    Args:
        objects: file by path, such as ``/uploads/incoming/long.wav``.
    """
    handler = type("Handler", (_Handler,), {"objects": objects})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
