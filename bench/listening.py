"""`python -m bench.listening RECORDING`: processor time and memory of `earshot listen`.

The recording is played in real time, over and over, and its segments go to a stand-in for the
service, once with and once without the prefilter. Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SECONDS = 60


class Service(BaseHTTPRequestHandler):
    """Takes everything, and refuses it in the one way that ends it."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        answer = json.dumps({"detail": "measured"}).encode()
        self.send_response(422)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


def measure(recording: Path, url: str, options: list[str]) -> None:
    """Print what a run takes."""
    with tempfile.TemporaryDirectory() as spool:
        command = [sys.executable, "-m", "earshot_client.cli", "listen", "-", "--spool", spool]
        play = ["ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(recording)]
        with subprocess.Popen([*play, "-f", "wav", "pipe:1"], stdout=subprocess.PIPE) as player:
            listener = subprocess.Popen(
                [*command, *options],
                stdin=player.stdout,
                stderr=subprocess.PIPE,
                text=True,
                env=os.environ | {"EARSHOT_API_URL": url},
            )
            time.sleep(SECONDS)
            ffmpeg = int(_children(listener.pid)[0])
            highest = {"earshot": _peak_mb(listener.pid), "ffmpeg": _peak_mb(ffmpeg)}
            cpu = {"earshot": _cpu_s(listener.pid), "ffmpeg": _cpu_s(ffmpeg)}
            listener.send_signal(signal.SIGTERM)
            _, said = listener.communicate()
            player.kill()
    print(" ".join(options) or "all segments")
    print("  " + said.splitlines()[-1].partition(" ")[2])
    for name, peak_mb in highest.items():
        print(f"  {name}: {peak_mb:.0f} MB at most, {cpu[name] / SECONDS:.1%} of a core")


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def _peak_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    raise AssertionError("Linux reports the highest memory of each process")


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.listening", description=__doc__)
    parser.add_argument("recording", type=Path)
    recording = parser.parse_args().recording
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for options in ([], ["--prefilter"]):
        measure(recording, f"http://127.0.0.1:{server.server_port}", options)


if __name__ == "__main__":
    main()
