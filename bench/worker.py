"""A process of its own for each side of a comparison, asked over its standard input and output."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from local.settings import LAYER, REPOSITORY


class Worker:
    """A running ``python -m <module>`` that answers with `serve`.

    Args:
        module: to run.
        environment: on top of what a process needs anyway; nothing else of the user's gets in.
    """

    def __init__(self, module: str, environment: Mapping[str, str] | None = None) -> None:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module],
            cwd=REPOSITORY,
            env=inherited | {"TF_CPP_MIN_LOG_LEVEL": "2"} | dict(environment or {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL if "EARSHOT_BENCH_DEBUG" not in os.environ else None,
            text=True,
        )

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

    def seconds(self, command: str, *arguments: object) -> Callable[[], float]:
        """The command as a call for `bench.measure.interleaved`."""
        return lambda: float(self.ask(command, *arguments))


def serve(commands: Mapping[str, Callable[..., Any]]) -> None:
    """Answer commands until the input ends; what else is printed goes nowhere."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    for line in sys.stdin:
        command, *arguments = json.loads(line)
        answers.write(json.dumps(commands[command](*arguments)) + "\n")


def classify_environment(endpoint: str) -> dict[str, str]:
    """What classify finds on AWS with its 1769 MB, one vCPU, but for the endpoint."""
    return {
        "PYTHONPATH": os.pathsep.join(
            [str(REPOSITORY / "functions" / "classify"), str(LAYER), str(REPOSITORY)]
        ),
        "YAMNET_DIR": str(REPOSITORY / "models" / "yamnet"),
        "BUNDLED_MODEL_DIR": str(REPOSITORY / "models" / "v1"),
        "OPENBLAS_NUM_THREADS": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
        "RESULTS_TABLE": "results",
        "MODELS_BUCKET": "models",
        "POWERTOOLS_TRACE_DISABLED": "true",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": "127.0.0.1",
    }
