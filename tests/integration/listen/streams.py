"""A camera, and runs of `earshot listen`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.stack import free_port, wait_for

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
