"""Start and stop the emulator process."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from urllib.request import ProxyHandler, build_opener

import psutil

from local.settings import REGION, REPOSITORY, LocalStackError, Settings

START_SECONDS = 60
STOP_SECONDS = 15
LEAST_FREE_MB = 200

# All that the emulator, and so every function, sees of the user's environment. On AWS a function
# sees none of it; least of all may it see the user's credentials.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "LD_LIBRARY_PATH")


@dataclass(frozen=True)
class Emulator:
    """An emulator that is running."""

    pid: int
    started: float
    port: int


def emulator_environment(settings: Settings) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return inherited | {
        "PYTHONPATH": str(REPOSITORY),
        "PYTHONUNBUFFERED": "1",
        "NO_PROXY": "127.0.0.1",
        "TMPDIR": str(settings.scratch),
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(settings.port),
        "MINISTACK_REGION": REGION,
        "STATE_DIR": str(settings.state / "services"),
        "S3_DATA_DIR": str(settings.state / "s3"),
        "PERSIST_STATE": "1" if settings.persists else "0",
        "S3_PERSIST": "1" if settings.persists else "0",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        # Each role may do what the template lets it do, and no more.
        "AUTH": "true",
        "LAMBDA_ACCOUNT_CONCURRENCY": "0",  # the limit is that of `local.emulator.turns`
        # What the functions inherit.
        "AWS_ENDPOINT_URL": settings.calls_through or settings.endpoint,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "POWERTOOLS_TRACE_DISABLED": "true",  # nobody collects traces here
    }


def find(settings: Settings) -> Emulator | None:
    """The emulator that this folder's pid file names, if it is still that very process."""
    try:
        emulator = Emulator(**json.loads(settings.pid_file.read_text()))
        process = psutil.Process(emulator.pid)
        same = abs(process.create_time() - emulator.started) < 1
        return emulator if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (FileNotFoundError, ValueError, TypeError, psutil.NoSuchProcess):
        return None


def start(settings: Settings) -> Emulator:
    """Start the emulator in the background and wait until it answers."""
    require_free_port(settings.port)
    shutil.rmtree(settings.scratch, ignore_errors=True)
    require_room(settings)
    try:
        settings.scratch.mkdir(parents=True)
        settings.log_file.write_bytes(b"")
    except OSError as error:
        raise LocalStackError(
            f"{settings.folder} cannot be written to ({error.strerror}): give yourself the right "
            "to, or name another folder with EARSHOT_LOCAL_DIR."
        ) from error
    return _launch(settings)


def require_room(settings: Settings) -> None:
    """Raise `LocalStackError` unless the disk has room for a stack with a few clips."""
    folder = next(path for path in (settings.folder, *settings.folder.parents) if path.exists())
    free_mb = shutil.disk_usage(folder).free // 1_000_000
    if free_mb < LEAST_FREE_MB:
        raise LocalStackError(
            f"The local stack needs {LEAST_FREE_MB} MB, and the disk of {folder} has "
            f"{free_mb} MB left."
        )


def restart(settings: Settings) -> Emulator:
    """Stop an emulator that persists, with its functions, and start it again as it was."""
    end(settings)
    return _launch(settings)


def _launch(settings: Settings) -> Emulator:
    with settings.log_file.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", "local.emulator.launcher"],
            cwd=REPOSITORY,
            env=emulator_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    emulator = Emulator(child.pid, psutil.Process(child.pid).create_time(), settings.port)
    settings.pid_file.write_text(json.dumps(vars(emulator)))
    deadline = time.monotonic() + START_SECONDS
    while not _answers(settings.endpoint):
        if child.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(settings.log_file.read_text(errors="replace").splitlines()[-15:])
            stop(settings, forget=False)
            raise LocalStackError(f"The emulator did not start. The end of its log:\n{tail}")
        time.sleep(0.1)
    return emulator


def stop(settings: Settings, *, forget: bool = True) -> Emulator | None:
    """Stop the emulator with its functions, and remove what it left. None if it was not running.

    The log stays, to be read after a failure.

    Args:
        settings: of the stack.
        forget: whether the state of a stack that persists is removed, too.
    """
    emulator = end(settings)
    if forget:
        shutil.rmtree(settings.state, ignore_errors=True)
    settings.pid_file.unlink(missing_ok=True)
    settings.outputs_file.unlink(missing_ok=True)
    settings.exports_file.unlink(missing_ok=True)
    shutil.rmtree(settings.scratch, ignore_errors=True)
    return emulator


def end(settings: Settings) -> Emulator | None:
    """Stop the emulator with its functions, and leave what it wrote."""
    emulator = find(settings)
    if emulator:
        process = psutil.Process(emulator.pid)
        family = [process, *process.children(recursive=True)]
        process.terminate()
        _wait_for_end([process], STOP_SECONDS)
        for member in _wait_for_end(family, 2):
            member.kill()
        _wait_for_end(family, STOP_SECONDS)
    return emulator


def require_free_port(port: int, another: str = "PORT={} make up") -> None:
    """Raise `LocalStackError`, with the command that takes another port, if it is taken."""
    with socket.socket() as probe:
        # As the emulator does: a port whose last connections are closing counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalStackError(
                f"Port {port} is not free: {_holder(port) or error.strerror}.\n"
                "Stop that first (another checkout of Earshot: `make down` there), "
                f"or choose another port: {another.format(port + 1 if port < 65535 else 4566)}"
            ) from error


def _holder(port: int) -> str | None:
    """Which process listens on the port, where the system lets us know."""
    try:
        connections = psutil.net_connections(kind="tcp")
        pids = {
            c.pid
            for c in connections
            if c.status == psutil.CONN_LISTEN and c.laddr.port == port and c.pid
        }
        return (
            ", ".join(
                f"{psutil.Process(pid).name()} (pid {pid}) listens on it" for pid in sorted(pids)
            )
            or None
        )
    except psutil.Error:
        return None


def _answers(endpoint: str) -> bool:
    try:
        with build_opener(ProxyHandler({})).open(
            f"{endpoint}/_ministack/health", timeout=2
        ) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _wait_for_end(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Wait for processes that need not be our children; return those still running."""
    deadline = time.monotonic() + seconds
    while (alive := [p for p in processes if _runs(p)]) and time.monotonic() < deadline:
        time.sleep(0.05)
    return alive


def _runs(process: psutil.Process) -> bool:
    try:
        # After its end, a process is a zombie for as long as its parent does not look.
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
