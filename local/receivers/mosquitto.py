"""A mosquitto on this machine that outlives restarts: for tests and demonstrations."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.settings import LocalStackError

_PATIENCE_S = 10.0
# Debian puts it where only root's path leads.
PROGRAM = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


class Mosquitto:
    """A broker on a free port.

    Args:
        folder: for its settings and what it keeps.

    Raises:
        LocalStackError: there is no mosquitto on this machine.
    """

    def __init__(self, folder: Path) -> None:
        if PROGRAM is None:
            raise LocalStackError("mosquitto is missing; on Debian: sudo apt install mosquitto")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._settings = folder / "mosquitto.conf"
        self._settings.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {folder}/\nautosave_on_changes true\nautosave_interval 1\n"
            # Started by root it becomes another user, who may not be let into the folder:
            # then each restart loses what subscribers that are away have not got.
            + ("user root\n" if os.getuid() == 0 else "")
        )
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """Address of it."""
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start it; raises `LocalStackError` if it does not answer."""
        self._process = subprocess.Popen(
            [str(PROGRAM), "-c", str(self._settings)], stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise LocalStackError("mosquitto did not start") from None
                time.sleep(0.05)
            else:
                return

    def stop(self) -> None:
        """Stop it; it keeps what subscribers that are away have not got."""
        if self._process:
            self._process.terminate()
            self._process.wait(_PATIENCE_S)
            self._process = None


def bridge(broker: Mosquitto, outputs: Mapping[str, Any]) -> subprocess.Popen[bytes]:
    """A process of `earshot bridge mqtt`, from a local stack to a broker.

    Args:
        broker: that alerts are published to.
        outputs: of the stack.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "earshot_client.cli", "bridge", "mqtt"],
        env=os.environ
        | {
            "EARSHOT_MQTT_URL": broker.url,
            "EARSHOT_BRIDGE_QUEUE": outputs["BridgeQueueUrl"],
            "AWS_ENDPOINT_URL": outputs["endpoint"],
            "AWS_DEFAULT_REGION": outputs["region"],
            "AWS_ACCESS_KEY_ID": outputs["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": outputs["secret_access_key"],
        },
    )
