"""A process of its own for each side of a comparison, asked over its standard input and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import psutil

from local.settings import REPOSITORY


class Worker:
    """A running ``python -m <module>`` that answers with `bench.answering.serve`.

    Args:
        module: to run.
        environment: on top of what a process needs anyway; nothing else of the user's gets in.
        python: the command to run it with.
        one_core: keep it on one core, as one vCPU of Lambda is; where the system lets us.
    """

    def __init__(
        self,
        module: str,
        environment: Mapping[str, str] | None = None,
        python: Sequence[str] = (sys.executable,),
        *,
        one_core: bool = False,
    ) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            [*python, "-m", module],
            cwd=REPOSITORY,
            env=inherited | {"TF_CPP_MIN_LOG_LEVEL": "2"} | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "EARSHOT_BENCH_DEBUG" not in os.environ else None,
            text=True,
        )
        if one_core and sys.platform == "linux":
            # Before it has started a thread.
            os.sched_setaffinity(self._process.pid, {min(os.sched_getaffinity(0))})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, command: str, *arguments: object) -> Any:
        """Answer to a command.

        Raises:
            RuntimeError: the process has ended; with EARSHOT_BENCH_DEBUG set it says why.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        if stdin is None or stdout is None:
            raise RuntimeError("the process has no pipes")
        stdin.write(json.dumps([command, *arguments]) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"the process has ended at {command} {arguments}")
        return json.loads(line)

    def memory(self) -> int:
        """Resident bytes."""
        resident: int = psutil.Process(self._process.pid).memory_info().rss
        return resident

    def seconds(self, command: str, *arguments: object) -> Callable[[], float]:
        """The command as a call for `bench.measure.interleaved`."""
        return lambda: float(self.ask(command, *arguments))
