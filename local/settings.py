"""Where the local stack lives and what it is made of."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from earshot.model.versions import yamnet_folder

REPOSITORY = Path(__file__).resolve().parent.parent
TEMPLATE = REPOSITORY / "template.yaml"
LAYER = REPOSITORY / "layers" / "earshot" / "python"
TRAINING = REPOSITORY / "training"
YAMNET = REPOSITORY / "models" / "yamnet"
FIRST_MODEL = REPOSITORY / "models" / "v1"

STACK_NAME = "earshot-local"
REGION = "us-east-1"
DEFAULT_PORT = 4566


class LocalStackError(Exception):
    """The local stack cannot do what was asked. The message says what to do next."""


@dataclass(frozen=True)
class Settings:
    """One local stack.

    Attributes:
        port: on 127.0.0.1, for every service and the HTTP API.
        folder: what the stack writes; once it is down, its log and its state are left.
        model: the model version that a new stack starts with.
        yamnet: folder of the YAMNet that it was trained with; both come with the software.
        asks_for_tokens: as on AWS. It serves this machine alone, so it need not.
        calls_through: address that functions call AWS at, of a proxy; None for the emulator's own.
        persists: the emulator keeps its state when it is stopped, and starts with it again.
    """

    port: int
    folder: Path
    model: Path = FIRST_MODEL
    yamnet: Path = YAMNET
    asks_for_tokens: bool = False
    calls_through: str | None = None
    persists: bool = False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """`PORT` and `EARSHOT_LOCAL_DIR` allow a second stack; `TOKENS`, `STATE` are on or off."""
        port = environment.get("PORT") or str(DEFAULT_PORT)
        if not (port.isdecimal() and 1 <= int(port) <= 65535):
            raise LocalStackError(f"PORT is {port!r}; it must be a number from 1 to 65535.")
        folder = environment.get("EARSHOT_LOCAL_DIR") or REPOSITORY / ".local"
        tokens = environment.get("TOKENS") or "off"
        if tokens not in {"on", "off"}:
            raise LocalStackError(f"TOKENS is {tokens!r}; it must be on or off.")
        state = environment.get("STATE") or "on"
        if state not in {"on", "off"}:
            raise LocalStackError(f"STATE is {state!r}; it must be on or off.")
        return cls(
            int(port),
            Path(folder).resolve(),
            asks_for_tokens=tokens == "on",
            persists=state == "on",
        )

    def serving(self, model: Path) -> Settings:
        """The same stack with another first version, which may have a YAMNet of its own."""
        model = model.resolve()
        return replace(self, model=model, yamnet=yamnet_folder(model, YAMNET))

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid_file(self) -> Path:
        return self.folder / "emulator.pid"

    @property
    def log_file(self) -> Path:
        return self.folder / "emulator.log"

    @property
    def scratch(self) -> Path:
        """Temporary files of the emulator and of the functions."""
        return self.folder / "tmp"

    @property
    def state(self) -> Path:
        """Clips, results, queues and all else that a stack which persists has when it is back."""
        return self.folder / "state" if self.persists else self.scratch / "state"

    @property
    def outputs_file(self) -> Path:
        return self.folder / "outputs.json"

    @property
    def exports_file(self) -> Path:
        """The outputs as variables of a shell, for `source`."""
        return self.folder / "env"
