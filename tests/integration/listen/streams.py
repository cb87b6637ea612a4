"""Streams to listen to, and a network that can be cut."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.stack import free_port, wait_for

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
    yield opened
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
    yield opened
    opened.close()


_RTSP_SERVER = """
import sys
import gi
gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gst, GstRtspServer, GLib
Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory(shared=True)
factory.set_launch(
    "( audiotestsrc is-live=true wave=pink-noise volume=0.1 ! audio/x-raw,rate=8000,channels=1"
    " ! audioconvert ! mulawenc ! rtppcmupay name=pay0 pt=0 )"
)
server.get_mount_points().add_factory("/microphone", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()
"""
_PYTHON = "/usr/bin/python3"  # Debian's, which has the bindings
RTSP_NEEDS = (
    "a real RTSP server needs python3-gi, gir1.2-gst-rtsp-server-1.0 and "
    "gstreamer1.0-plugins-{base,good} of Debian"
)


def rtsp_available() -> bool:
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    try:
        done = subprocess.run([_PYTHON, "-c", check], check=False, capture_output=True)
        return done.returncode == 0
    except OSError:
        return False


class Camera:
    """A camera that sends pink noise by RTSP, in G.711 at 8 kHz as most do."""

    def __init__(self) -> None:
        self._port = free_port()
        self.url = f"rtsp://127.0.0.1:{self._port}/microphone"
        self.start()

    def start(self) -> None:
        """Switch it on; again, after `stop`."""
        self._process = subprocess.Popen(
            [_PYTHON, "-c", _RTSP_SERVER, str(self._port)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def stop(self) -> None:
        """Pull its plug."""
        self._process.kill()
        self._process.communicate()


class Listening:
    """A run of `earshot listen`."""

    def __init__(self, environment: dict[str, str], log: Path, *arguments: object) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "earshot_client.cli", "listen", *map(str, arguments)],
                env=environment,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def said(self) -> str:
        """What it has printed so far."""
        return self._log.read_text()

    def says(self, text: str, seconds: float = 60) -> str:
        """Wait until it says something; returns all that it has said."""

        def found() -> str | None:
            if text not in self.said:
                assert self._process.poll() is None, self.said
                return None
            return self.said

        return wait_for(found, seconds)

    def stop(self) -> int:
        """Stop it with SIGTERM; returns its status."""
        self._process.terminate()
        return self._process.wait(20)

    def kill(self) -> None:
        """Kill it, as a power cut would."""
        self._process.kill()
        self._process.wait()
