"""`python -m local.environment run|ui|full`: install what a task needs into .venv.

Runs on any Python from 3.11 on with nothing but its standard library, before there is a .venv. The
sets are locked together, so a larger one is installed over a smaller one in place. Tools write to
a log; whatever goes wrong is one sentence.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
MB = 1_000_000
# What a log says where the network is missing, rather than a package.
_NO_NETWORK = re.compile(
    # So pip says, if it is not to try again: no version at all.
    r"\(from versions: none\)"
    r"|Failed to fetch|client error \(Connect\)|dns error|Connection refused|unreachable"
)
_DISK_FULL = re.compile(r"No space left on device|Disk quota exceeded|os error 28")


@dataclass(frozen=True)
class PackageSet:
    """Packages of a task.

    Attributes:
        locked: requirements file.
        disk_mb: on disk, with the bytecode of a first run.
        download_mb: to be downloaded, where no cache has them.
        purpose: what they are for.
    """

    locked: str
    disk_mb: int
    download_mb: int
    purpose: str


# Sizes as measured on Linux on x86-64; tests/unit/local/test_environment.py compares those on disk.
SETS = {
    "run": PackageSet("requirements/run.txt", 380, 150, "to classify and to run the local stack"),
    "ui": PackageSet("ui/requirements.txt", 340, 120, "for the web interface"),
    "full": PackageSet("requirements/dev.txt", 3200, 960, "to train, to test and to deploy"),
}


class SetupError(Exception):
    """The packages cannot be installed. The message is one sentence on why, and what to do."""


def install(name: str, folder: Path) -> None:
    """Install a set into the virtual environment in this folder, which is made if it is missing.

    Raises:
        SetupError: disk, network, permission or Python is missing.
    """
    packages = SETS[name]
    require_python()
    require_disk(folder, packages)
    print(
        f"Setting up {folder.name} with Python {'.'.join(map(str, sys.version_info[:3]))} "
        f"{packages.purpose}: about {packages.disk_mb} MB on disk, of which up to "
        f"{packages.download_mb} MB are downloaded.",
        flush=True,
    )
    started = time.monotonic()
    python = folder / "bin" / "python"
    try:
        if not python.exists():
            _run([sys.executable, "-m", "venv", str(folder)], folder)
        _install_packages(python, packages, folder)
        (folder / f".{name}").touch()
    except PermissionError as error:
        raise SetupError(_unwritable(Path(error.filename or folder))) from error
    except OSError as error:
        raise SetupError(f"{folder} cannot be set up: {error.strerror}.") from error
    print(f"Set up in {time.monotonic() - started:.0f} s.", flush=True)


def require_python() -> None:
    """Raise `SetupError` unless this Python can make virtual environments."""
    if not (importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv")):
        raise SetupError(
            "Python's venv module is missing; on Debian or Ubuntu: sudo apt install python3-venv"
        )


def require_disk(folder: Path, packages: PackageSet) -> None:
    """Raise `SetupError` unless the folder can be written to and has room for a set."""
    parent = folder if folder.exists() else folder.parent
    if not os.access(parent, os.W_OK):
        raise SetupError(_unwritable(parent))
    free_mb = shutil.disk_usage(parent).free // MB
    if free_mb < packages.disk_mb:
        raise SetupError(
            f"This needs {packages.disk_mb} MB, and the disk of {parent} has {free_mb} MB left."
        )


def _install_packages(python: Path, packages: PackageSet, folder: Path) -> None:
    uv = folder / "bin" / "uv"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--retries", "0"]
    _run([*pip, "install", "--timeout", "20", f"uv=={_uv_version()}"], folder)
    of_uv = [str(uv), "pip", "install", "--python", str(python), "--no-deps"]
    _run([*of_uv, "--require-hashes", "-r", str(REPOSITORY / packages.locked)], folder)
    _run([*of_uv, "--no-build-isolation", "-e", str(REPOSITORY)], folder)


def _uv_version() -> str:
    locked = (REPOSITORY / SETS["run"].locked).read_text()
    found = re.search(r"^uv==(\S+)", locked, re.MULTILINE)
    assert found is not None, "requirements/run.in names uv"  # noqa: S101 - of our own file
    return found[1]


def _run(command: list[str], folder: Path) -> None:
    """Run a tool with its chatter in a log; raise `SetupError` if it fails."""
    environment = {"UV_HTTP_RETRIES": "0", "UV_HTTP_CONNECT_TIMEOUT": "20"} | os.environ
    done = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode == 0:
        return
    if _DISK_FULL.search(done.stdout):
        raise SetupError(f"The disk of {folder} is full; make room on it and try again.")
    if "Permission denied" in done.stdout:
        raise SetupError(_unwritable(folder))
    if _NO_NETWORK.search(done.stdout):
        raise SetupError(
            f"The packages cannot be downloaded, since {_index()} cannot be reached{_proxy()}: "
            "check the network (behind a proxy, set HTTPS_PROXY) and try again."
        )
    log = folder / "setup.log"
    log.write_text(done.stdout)
    last = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "no reason")
    raise SetupError(f"{Path(command[0]).name} failed ({last.strip()}); all it said is in {log}.")


def _index() -> str:
    """Where packages come from, for a person."""
    address = os.environ.get("UV_INDEX_URL") or os.environ.get("PIP_INDEX_URL")
    return _without_password(address) if address else "PyPI"


def _proxy() -> str:
    names = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
    proxy = next((os.environ[name] for name in names if os.environ.get(name)), None)
    return f" through the proxy {_without_password(proxy)}" if proxy else ""


def _without_password(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", address)


def _unwritable(path: Path) -> str:
    return f"{path} cannot be written to: make the folder writable, or use another checkout."


def main() -> None:
    try:
        install(sys.argv[1], Path(sys.argv[2] if len(sys.argv) > 2 else REPOSITORY / ".venv"))
    except SetupError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("Interrupted; the same command goes on from here.")


if __name__ == "__main__":
    main()
