"""Docker or Podman, by its command line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ENGINES = ("docker", "podman")
# What a container calls the machine that it runs on, where it cannot share that one's network.
_HOST_NAMES = {"docker": "host.docker.internal", "podman": "host.containers.internal"}
_START_SECONDS = 120

NO_ENGINE = """\
Images need a container engine, and neither docker nor podman is on the PATH. Install one:
  Debian, Ubuntu:  sudo apt install podman
  Fedora:          sudo dnf install podman
  macOS, Windows:  Docker Desktop or Podman Desktop
The local stack, the demo and the tests need none."""


class EngineError(Exception):
    """The container engine cannot do what was asked. The message says what to do."""


@dataclass(frozen=True)
class Engine:
    """A container engine that answers.

    Attributes:
        name: ``docker`` or ``podman``.
        shares_network: its containers can use this very machine's network. They cannot where they
            run in a virtual machine, as on macOS, or in a network namespace of the engine's own.
    """

    name: str
    shares_network: bool

    def run(self, *arguments: str, timeout: float | None = None) -> str:
        """Standard output of ``docker <arguments>``.

        Raises:
            EngineError: it failed; the message ends with its output.
        """
        done = subprocess.run(
            [self.name, *arguments], capture_output=True, text=True, timeout=timeout, check=False
        )
        if done.returncode:
            output = (done.stderr or done.stdout).strip()
            raise EngineError(f"`{self.name} {arguments[0]}` failed: {output}")
        return done.stdout.strip()

    def build(self, arguments: Sequence[str]) -> None:
        """``docker build <arguments>``, its output for the user to see.

        Raises:
            EngineError: it failed.
        """
        done = subprocess.run([self.name, "build", *arguments], check=False)
        if done.returncode:
            raise EngineError(f"`{self.name} build` failed; the reason is above.")

    def config_of(self, image: str) -> dict[str, Any]:
        """The image's configuration, such as ``Cmd``, ``Labels`` and ``User``.

        Raises:
            EngineError: there is no such image.
        """
        try:
            config: dict[str, Any] = json.loads(
                self.run("image", "inspect", "--format", "{{json .Config}}", image)
            )
        except EngineError as error:
            raise EngineError(f"There is no image {image}. Run `make image` first.") from error
        return config

    def address_of_this_machine(self, image: str) -> str:
        """The address under which a container reaches what listens on this machine.

        Raises:
            EngineError: it has none.
        """
        if self.shares_network:
            return "127.0.0.1"
        look_up = f"import socket; print(socket.gethostbyname({_HOST_NAMES[self.name]!r}))"
        # An address and no name: S3 clients take the first label of a name for a bucket.
        return self.run("run", "--rm", "--entrypoint", "python3", image, "-c", look_up)


def find_engine(environment: Mapping[str, str] = os.environ) -> Engine:
    """The engine that ``CONTAINER_ENGINE`` names, or else the first that answers.

    Raises:
        EngineError: there is none.
    """
    asked = environment.get("CONTAINER_ENGINE")
    if asked and asked not in ENGINES:
        raise EngineError(f"CONTAINER_ENGINE is {asked!r}; it must be docker or podman.")
    installed = [name for name in ([asked] if asked else ENGINES) if shutil.which(name)]
    if not installed:
        raise EngineError(f"{asked} is not on the PATH." if asked else NO_ENGINE)
    silent = []
    for name in installed:
        done = subprocess.run(
            [name, "info", "--format", "{{json .}}"],
            capture_output=True,
            text=True,
            timeout=_START_SECONDS,
            check=False,
        )
        # Without its daemon, docker prints what it knows of itself, and fails.
        if done.returncode == 0:
            return Engine(name, _shares_network(name, json.loads(done.stdout)))
        silent.append(f"{name} does not answer: {(done.stderr or done.stdout).strip()[-300:]}")
    raise EngineError("\n".join([*silent, "Start it, such as with Docker Desktop, and try again."]))


def _shares_network(name: str, info: Mapping[str, Any]) -> bool:
    if sys.platform != "linux":
        return False
    if name == "podman":
        return not info["host"].get("serviceIsRemote", False)
    rootless = any("rootless" in option for option in info.get("SecurityOptions") or ())
    return "Docker Desktop" not in info.get("OperatingSystem", "") and not rootless
