"""Setting up: what is missing is one sentence; what is printed is ours."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local import environment
from local.environment import SETS, SetupError
from local.settings import REPOSITORY

NOWHERE = "http://127.0.0.1:9"
LOCKED = re.compile(r"^([a-z0-9][a-z0-9._-]*)==(\S+)", re.MULTILINE)


def locked(name: str) -> set[tuple[str, str]]:
    return set(LOCKED.findall((REPOSITORY / SETS[name].locked).read_text()))


def set_up(folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "local.environment", "run", str(folder)],
        cwd=REPOSITORY,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("smaller", ["run", "ui"])
def test_the_full_set_has_all_of_a_smaller_one_in_the_same_versions(smaller: str) -> None:
    assert locked(smaller) - locked("full") == set()
    assert len(locked(smaller)) < len(locked("full")) / 2


def test_what_runs_the_product_needs_no_tensorflow() -> None:
    heavy = ("tensorflow", "keras", "librosa", "scikit", "scipy", "pandas", "streamlit")
    assert [name for name, _ in locked("run") if name.startswith(heavy)] == []


@pytest.mark.parametrize("name", ["run", "ui"])
def test_the_size_that_is_announced_is_about_the_installed_one(name: str) -> None:
    before = set() if name == "run" else locked("run")
    names = {package for package, _ in locked(name) - before}
    files = [
        file.locate()
        for package in names
        for file in installed_files(package)
        if file.suffix != ".pyc"
    ]
    size_mb = sum(Path(file).stat().st_size for file in files if Path(file).is_file()) / 1e6
    # The rest is pip, bytecode, and what a file takes beyond its length.
    assert 0.5 < size_mb / SETS[name].disk_mb < 1, f"{size_mb:.0f} MB"


def installed_files(package: str) -> list[importlib.metadata.PackagePath]:
    try:
        return importlib.metadata.files(package) or []
    except importlib.metadata.PackageNotFoundError:  # of another platform
        return []


def test_without_network_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    done = set_up(
        tmp_path / ".venv",
        PIP_INDEX_URL=f"{NOWHERE}/simple",
        PIP_EXTRA_INDEX_URL="",
        PIP_FIND_LINKS="",
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"The packages cannot be downloaded, since {NOWHERE}/simple cannot be reached"
    )
    assert done.stderr.count("\n") == 1
    assert re.fullmatch(r"Setting up .venv .* MB on disk, .* downloaded\.\n", done.stdout)


def test_a_proxy_that_does_not_answer_is_named_without_its_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://ann:secret@proxy.example:3128")
    assert environment._proxy() == " through the proxy http://…@proxy.example:3128"


def test_a_full_disk_is_noticed_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=20_000_000))
    with pytest.raises(SetupError, match=r"needs \d+ MB, and the disk of .* has 20 MB left\.$"):
        environment.install("run", tmp_path / ".venv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_permission_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "checkout").mkdir()
    folder = tmp_path / "checkout" / ".venv"
    # Root may write everywhere, whatever the mode says.
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path) != folder.parent)
    with pytest.raises(SetupError, match="checkout cannot be written to"):
        environment.install("run", folder)


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("error: failed to write: No space left on device (os error 28)", "is full; make room"),
        ("OSError: [Errno 13] Permission denied: 'x'", "cannot be written to"),
        ("Failed to fetch: `https://pypi.org/simple/rich/`", "PyPI cannot be reached"),
        ("error: hash mismatch\n", r"failed \(error: hash mismatch\); all it said is in"),
    ],
)
def test_what_a_tool_says_becomes_one_sentence(tmp_path: Path, said: str, sentence: str) -> None:
    tool = [sys.executable, "-c", f"print({said!r}); raise SystemExit(1)"]
    with pytest.raises(SetupError, match=sentence) as refused:
        environment._run(tool, tmp_path)
    assert "\n" not in str(refused.value)


def test_python_without_venv_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SetupError, match="apt install python3-venv"):
        environment.require_python()


def make(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Make in a folder that has the Makefile and nothing else that would be set up."""
    shutil.copy(REPOSITORY / "Makefile", folder)
    (folder / "requirements").mkdir()
    for name in ("pyproject.toml", "requirements/run.txt"):
        (folder / name).touch()
    program = shutil.which("make")
    assert program is not None
    return subprocess.run(
        [program, "--no-print-directory", *arguments],
        cwd=folder,
        env=os.environ | settings,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("python", "lacks"),
    [
        ("/nowhere/python", "/nowhere/python is none of them"),
        ("false", "false is none of them"),
    ],
)
def test_make_without_a_python_says_which_is_needed(
    tmp_path: Path, python: str, lacks: str
) -> None:
    done = make(tmp_path, "demo", f"PYTHON={python}")
    assert done.returncode == 2
    assert done.stdout == f"Python 3.11, 3.12 or 3.13 is needed, and {lacks}.\n"


def test_make_without_any_python_says_how_to_name_one(tmp_path: Path) -> None:
    done = make(tmp_path, "demo", "PYTHON=", "OTHER=")
    assert done.stdout == (
        "Python 3.11, 3.12 or 3.13 is needed, and none is on the PATH; "
        "name one by PYTHON=path make …\n"
    )


def test_make_names_the_python_that_is_too_old(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "python3"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.9.2\nexit 1\n')
    old.chmod(0o755)
    for program in ("sh", "true"):
        (tmp_path / "bin" / program).symlink_to(str(shutil.which(program)))
    done = make(tmp_path, "demo", PATH=str(tmp_path / "bin"))
    assert done.stdout == (
        f"Python 3.11, 3.12 or 3.13 is needed, and {old} is Python 3.9.2; "
        "name another by PYTHON=path make …\n"
    ), done.stderr


def test_a_python_is_found_where_no_program_is_called_python(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python3").symlink_to(sys.executable)
    done = make(tmp_path, "--dry-run", ".venv/.run", PATH=str(tmp_path / "bin"))
    assert 'python="python3";' in done.stdout, done.stderr
