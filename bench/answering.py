"""The other end of `bench.worker`; it imports next to nothing, as the start of some is measured."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from typing import Any


def serve(commands: Mapping[str, Callable[..., Any]]) -> None:
    """Answer commands until the input ends; what else is printed goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answers.write(json.dumps(commands[command](*arguments)) + "\n")
