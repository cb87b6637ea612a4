"""`python -m local.release_check`: install what `make dist` built as a stranger would, and run it.

Wheel and source distribution each go into a clean environment of their own; it downloads what
they need. Nothing of the checkout is on the path there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from earshot import __version__
from earshot.labels import label_of
from local.settings import REPOSITORY
from training.data.demo_sounds import write_clips

DIST = REPOSITORY / "dist"
# The user's packages, settings and stack are none of a stranger's.
_NOT_INHERITED = re.compile(r"AWS_|EARSHOT_|PYTHON|VIRTUAL_ENV")


class ReleaseError(Exception):
    """The release would not work. The message says what does not."""


def distributions(folder: Path, version: str) -> list[Path]:
    """Wheel and source distribution of a version.

    Raises:
        ReleaseError: one is missing.
    """
    wheel = folder / f"earshot-{version}-py3-none-any.whl"
    sdist = folder / f"earshot-{version}.tar.gz"
    if missing := [path.name for path in (wheel, sdist) if not path.is_file()]:
        raise ReleaseError(f"{', '.join(missing)} is not in {folder}: make dist")
    return [wheel, sdist]


def require_changes(changelog: str, version: str) -> None:
    """Raise `ReleaseError` unless the changelog has a section of the version, and nothing after."""
    unreleased = re.search(r"^## \[Unreleased\]\n(.*?)(?=^## |\Z)", changelog, re.M | re.S)
    if unreleased and unreleased[1].strip():
        raise ReleaseError("CHANGELOG.md has unreleased changes: put them under a version.")
    if not re.search(rf"^## \[{re.escape(version)}\]", changelog, re.M):
        raise ReleaseError(f"CHANGELOG.md has no section of {version}.")


def check(distribution: Path, folder: Path) -> None:
    """Install a distribution into a clean environment, and classify with it.

    Raises:
        ReleaseError: it cannot be installed, or gives wrong labels.
    """
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    uv, programs = Path(sys.executable).with_name("uv"), environment / "bin"
    clips = write_clips(elsewhere)
    _run([str(uv), "venv", "--python", sys.executable, str(environment)], folder)
    python = str(programs / "python")
    _run([str(uv), "pip", "install", "--python", python, f"{distribution}[cli]"], folder)
    earshot = str(programs / "earshot")
    if __version__ not in (said := _run([earshot, "--version"], elsewhere)):
        raise ReleaseError(f"{distribution.name} is {said.strip()}")
    found = json.loads(_run([earshot, "classify", "--json", *map(str, clips)], elsewhere))
    labels = [one["label"] for one in found]
    if labels != [label_of(clip) for clip in clips]:
        raise ReleaseError(f"{distribution.name} classifies wrongly: {', '.join(labels)}")
    print(f"{distribution.name}: installed, {len(clips)} of {len(clips)} clips classified")


def _run(command: list[str], folder: Path) -> str:
    inherited = {name: of for name, of in os.environ.items() if not _NOT_INHERITED.match(name)}
    done = subprocess.run(
        command, cwd=folder, env=inherited, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ReleaseError(f"{' '.join(command[:3])} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> None:
    try:
        for distribution in distributions(DIST, __version__):
            with tempfile.TemporaryDirectory() as folder:
                check(distribution, Path(folder))
        require_changes((REPOSITORY / "CHANGELOG.md").read_text(), __version__)
    except ReleaseError as error:
        sys.exit(str(error))
    print(f"{__version__} is ready: git tag -s v{__version__}")


if __name__ == "__main__":
    main()
