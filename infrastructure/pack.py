"""Get the contents of an image ready; each Dockerfile's build stage runs this.

It runs on nothing but the base image's Python, so that an image is built the same way by every
container engine, whatever commands its base has.
"""

from __future__ import annotations

import argparse
import compileall
import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from py_compile import PycInvalidationMode

YAMNET = "yamnet"


class PackError(Exception):
    """The image cannot be built. The message says what to do."""


def trim(packages: Path, patterns: Sequence[str]) -> None:
    """Delete parts of packages.

    Args:
        packages: folder that they are installed in.
        patterns: as in a ``.dockerignore``: one a line, relative to the folder; ``#`` begins a
            comment, and ``!`` keeps what an earlier pattern would delete. One that matches
            nothing is no error: wheels for other platforms hold other things.
    """
    doomed: set[Path] = set()
    for pattern in filter(None, (line.partition("#")[0].strip() for line in patterns)):
        found = set(packages.glob(pattern.removeprefix("!")))
        doomed = doomed - found if pattern.startswith("!") else doomed | found
    for path in sorted(doomed):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)  # its folder may have gone before


def copy_models(models: Path, target: Path, names: Sequence[str]) -> None:
    """Copy the named files and folders of ``models``.

    Raises:
        PackError: one is missing, or YAMNet is not the one that was converted.
    """
    for name in names:
        source = models / name
        if source.is_dir():
            shutil.copytree(source, target / name, dirs_exist_ok=True)
        elif source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target / name)
        else:
            raise PackError(
                f"models/{name} is missing. It comes with the repository; get it back from git."
            )
    _require_whole(target / YAMNET)


def _require_whole(yamnet: Path) -> None:
    description = json.loads((yamnet / "yamnet.json").read_text())
    content = (yamnet / "yamnet.tflite").read_bytes()
    if hashlib.sha256(content).hexdigest() != description["flatbuffer_sha256"]:
        raise PackError(
            "models/yamnet is damaged. It comes with the repository; get it back from git."
        )


def seal(folder: Path) -> None:
    """Make everything readable by every user, and compile the Python in it.

    Lambda's user is not the one that built the image, and cannot write bytecode, so that every
    start would compile what it imports. Bytecode that names no time is the same in each build.
    """
    for path in [folder, *folder.rglob("*")]:
        executable = path.is_dir() or path.stat().st_mode & 0o100
        path.chmod(0o755 if executable else 0o644)
    compileall.compile_dir(
        folder,
        quiet=2,  # some packages ship templates that are no Python
        stripdir=str(folder),
        prependdir="/var/task",
        invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    tasks = parser.add_subparsers(dest="task", required=True)
    task = tasks.add_parser("packages", help="trim installed packages, then seal them")
    task.add_argument("folder", type=Path)
    task.add_argument("unused", type=Path, help="list of what to leave out")
    task = tasks.add_parser("code", help="add models to the code, then seal both")
    task.add_argument("folder", type=Path)
    task.add_argument("models", type=Path, help="folder of all models")
    task.add_argument("name", nargs="+", help="file or folder in it")
    arguments = parser.parse_args()
    try:
        if arguments.task == "packages":
            trim(arguments.folder, arguments.unused.read_text().splitlines())
        else:
            copy_models(arguments.models, arguments.folder / "models", arguments.name)
        seal(arguments.folder)
    except PackError as error:
        sys.exit(f"\n{error}\n")


if __name__ == "__main__":
    main()
