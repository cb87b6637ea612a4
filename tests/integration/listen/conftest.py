"""Runs of `earshot listen` against the local stack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.listen.streams import Listening
from tests.stack import LocalStack

Start = Callable[..., Listening]
SHORT = ("--segment", 2, "--hop", 1.5, "--report", 1, "--patience", 10)


@pytest.fixture
def start(local_stack: LocalStack, tmp_path: Path) -> Iterator[Start]:
    """Starts `earshot listen`; what still runs is killed in the end."""
    running: list[Listening] = []
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "EARSHOT_API_URL": local_stack.outputs["ApiUrl"],
        "EARSHOT_TOKEN": local_stack.token(),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "COLUMNS": "500",
    }

    def listen(*arguments: object, **changes: str) -> Listening:
        log = tmp_path / f"{len(running)}.log"
        running.append(Listening(environment | changes, log, *arguments))
        return running[-1]

    yield listen
    for one in running:
        one.kill()
