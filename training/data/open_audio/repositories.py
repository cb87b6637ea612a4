"""Sounds of public repositories at a pinned commit."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from training.data.open_audio.sources import Package

_BATCH = 200  # paths on one command line


class RepositoryUnavailableError(RuntimeError):
    """A repository cannot be had at the pinned commit."""


def check_out(package: Package, folder: Path) -> Package:
    """Fetch the wanted files of a repository, and no others, into a folder.

    The commit is what pins the content: git refuses objects whose hash is another.

    Returns:
        The package with the licences that the repository's own list states by file.

    Raises:
        RepositoryUnavailableError: git says why.
    """
    _git(folder, "init", "--quiet")
    _git(folder, "remote", "add", "origin", package.repository)
    # What makes git fetch the content of a file only when it is checked out.
    _git(folder, "config", "remote.origin.promisor", "true")
    _git(folder, "config", "remote.origin.partialclonefilter", "blob:none")
    _git(folder, "fetch", "--quiet", "--depth=1", "origin", package.version)
    if (stated := package.licence_list) is not None:
        text = _git(folder, "show", f"FETCH_HEAD:{stated.file}")
        package = replace(package, licences=(*stated.licences(text), *package.licences))
    listed = _git(folder, "ls-tree", "-rz", "--name-only", "FETCH_HEAD").split("\0")
    paths = [path for path in listed if _is_wanted(package, path)]
    for begin in range(0, len(paths), _BATCH):
        _git(folder, "checkout", "--quiet", "FETCH_HEAD", "--", *paths[begin : begin + _BATCH])
    return package


def _is_wanted(package: Package, path: str) -> bool:
    relative = path.removeprefix(package.root)
    return bool(
        path.startswith(package.root)
        and package.label_of(relative)
        and package.licence_of(relative)
    )


def files(package: Package, folder: Path) -> Iterator[tuple[str, bytes]]:
    """``(path below the root, content)`` of what `check_out` put there."""
    root = folder / package.root
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root).as_posix()
        if path.is_file() and ".git" not in path.parts and package.label_of(relative):
            yield relative, path.read_bytes()


def _git(folder: Path, *arguments: str) -> str:
    process = subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False
    )
    if process.returncode:
        reason = process.stderr.strip().splitlines()[-1:] or ["git gave no reason"]
        raise RepositoryUnavailableError(reason[0])
    return process.stdout
