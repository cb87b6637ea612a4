"""A function's image at work, as Lambda would run it."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import urllib3

from local.images.engine import Engine, EngineError

# The user whom Lambda runs functions as.
LAMBDA_USER = "993:990"
# What Lambda allows besides: /tmp, and nothing else that could be written.
RESTRICTED = (
    "--read-only",
    "--tmpfs", "/tmp:rw,size=512m,mode=1777",  # noqa: S108
    "--user", LAMBDA_USER,
    "--cap-drop", "ALL",
    "--security-opt", "no-new-privileges",
)  # fmt: skip

_EMULATOR = "/usr/local/bin/aws-lambda-rie"
_BOOTSTRAP = "/var/runtime/bootstrap"
_INVOCATIONS = "2015-03-31/functions/function/invocations"
_INVOKE_SECONDS = 900
_POLL_SECONDS = 0.02


class FunctionFailedError(Exception):
    """The handler raised, or never came up; the message has its output."""


@dataclass(frozen=True)
class Container:
    """An image under the runtime interface emulator.

    Attributes:
        engine: that runs it.
        id: of the container.
        url: of the emulator.
    """

    engine: Engine
    id: str
    url: str

    def invoke(self, event: Mapping[str, Any]) -> Any:
        """Answer of the handler to an event.

        Raises:
            FunctionFailedError: see there.
        """
        http = urllib3.PoolManager(retries=False, timeout=_INVOKE_SECONDS)
        body = json.dumps(event).encode()
        while True:
            try:
                answer = http.request("POST", f"{self.url}/{_INVOCATIONS}", body=body)
                break
            except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ProtocolError):
                # Nobody listens yet, or only the engine's proxy does.
                if not self._runs():
                    raise FunctionFailedError(f"The container ended.\n{self.logs()}") from None
                time.sleep(_POLL_SECONDS)
        try:
            content = json.loads(answer.data)
        except ValueError:
            content = {"errorType": answer.data.decode(errors="replace")}
        # The emulator answers 200 to what Lambda reports as a function error.
        if answer.status != 200 or (isinstance(content, dict) and "errorType" in content):
            raise FunctionFailedError(f"{json.dumps(content)[:2000]}\n{self.logs()}")
        return content

    def logs(self, lines: int = 40) -> str:
        """The last lines of the function's and the emulator's output."""
        return self.engine.run("logs", "--tail", str(lines), self.id)

    def _runs(self) -> bool:
        return self.engine.run("inspect", "--format", "{{.State.Running}}", self.id) == "true"


@contextmanager
def serving(
    engine: Engine, image: str, memory_mb: int, environment: Mapping[str, str]
) -> Iterator[Container]:
    """Run an image under Lambda's constraints; it is removed at the end.

    Args:
        engine: to run it.
        image: whose base holds the runtime interface emulator.
        memory_mb: that the function has.
        environment: of the function.

    Raises:
        EngineError: it cannot be started.
    """
    (handler,) = engine.config_of(image)["Cmd"]
    variables = {
        **environment,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_mb),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(_INVOKE_SECONDS),
        "POWERTOOLS_TRACE_DISABLED": "true",  # nobody collects traces here
    }
    options = ["--detach", *RESTRICTED, "--memory", f"{memory_mb}m"]
    options += [f"--env={name}={value}" for name, value in variables.items()]
    port = _free_port()
    if engine.shares_network:
        # By itself the emulator would listen on every address, at ports that may be taken.
        started = engine.run(
            "run", *options, "--network", "host", "--entrypoint", _EMULATOR, image,
            "--runtime-interface-emulator-address", f"127.0.0.1:{port}",
            "--runtime-api-address", f"127.0.0.1:{_free_port()}",
            _BOOTSTRAP, handler,
        )  # fmt: skip
    else:
        started = engine.run("run", *options, "--publish", f"127.0.0.1:{port}:8080", image)
    try:
        yield Container(engine, started, f"http://127.0.0.1:{port}")
    finally:
        engine.run("rm", "--force", started)


def run_inside(engine: Engine, image: str, code: str, environment: Mapping[str, str]) -> Any:
    """What a piece of Python prints as JSON, in the image, without any network.

    Raises:
        EngineError: it failed.
    """
    options = ["--rm", *RESTRICTED, "--network", "none", "--entrypoint", "python3"]
    options += [f"--env={name}={value}" for name, value in environment.items()]
    output = engine.run("run", *options, image, "-c", code)
    try:
        return json.loads(output.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise EngineError(f"{image} was to print JSON, and printed: {output[-500:]}") from error


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
