"""What a newcomer waits for: `make demo` in a fresh clone, with a HOME of its own, and training.

First with empty caches, then, in another clone, with the caches that the first has left; then
`make train` on 40 clips here. It downloads packages, so it is measured only when it is asked for:
make bench ONLY=first_minute.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from local.settings import REPOSITORY
from training.data.demo_sounds import write_recordings

_UP = re.compile(r"up in ([\d.]+) s, and the first result came ([\d.]+) s later")
# Of whoever measures: none of it is a newcomer's. Certificates and package indexes stay.
_NOT_INHERITED = re.compile(
    r"AWS_|EARSHOT_|MAKE|MFLAGS|PIP_CACHE_DIR|PORT|PYTHON|TF_|TOKENS|UV_CACHE_DIR|VIRTUAL_ENV|XDG_"
)


def first_minute(folder: Path) -> dict[str, Any]:
    """Seconds and megabytes of `make demo`, with cold and with warm caches."""
    home = folder / "home"
    home.mkdir()
    figures: dict[str, Any] = {"load_average": round(os.getloadavg()[0], 1)}
    for caches in ("cold", "warm"):
        clone = folder / caches
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        figures[caches] = _demo(clone, home) | {"disk_mb": _size_mb(clone, home)}
        shutil.rmtree(clone)
    readme = (REPOSITORY / "README.md").read_text().splitlines()
    return {
        "first_minute": figures | {"train_40_clips": _train(folder), "readme_lines": len(readme)}
    }


def _train(folder: Path) -> dict[str, float]:
    """Seconds, and seconds of CPU, of `make train` on ten clips of each label."""
    clips = folder / "clips"
    assert len(write_recordings(clips, n_each=10)) == 40  # noqa: S101 - ten of each label
    before, started = _cpu_s(), time.perf_counter()
    done = subprocess.run(
        ["make", "train", f"DATA={clips}", f"OUT={folder / 'v2'}"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"make train ({done.returncode}):\n{done.stdout}{done.stderr}")
    seconds = time.perf_counter() - started
    return {"train_s": round(seconds, 1), "train_cpu_s": round(_cpu_s() - before, 1)}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _demo(clone: Path, home: Path) -> dict[str, float]:
    """Run `make demo`.

    Raises:
        RuntimeError: it fails, writes to standard error, or does not say how long it took.
    """
    inherited = {name: of for name, of in os.environ.items() if not _NOT_INHERITED.match(name)}
    started = time.perf_counter()
    done = subprocess.run(
        ["make", "demo"],
        cwd=clone,
        env=inherited | {"HOME": str(home)},
        capture_output=True,
        text=True,
        check=False,
    )
    seconds = time.perf_counter() - started
    found = _UP.search(done.stdout)
    if done.returncode or done.stderr or found is None:
        raise RuntimeError(f"make demo ({done.returncode}):\n{done.stdout}{done.stderr}")
    return {
        "demo_s": round(seconds, 1),
        "stack_up_s": float(found[1]),
        "first_result_s": float(found[2]),
    }


def _size_mb(*folders: Path) -> float:
    """Space on disk; a file with several names, as in cache and environment, counts once."""
    blocks = {
        (status.st_dev, status.st_ino): status.st_blocks
        for folder in folders
        for path in folder.rglob("*")
        for status in [path.lstat()]
    }
    return round(sum(blocks.values()) * 512 / 1e6)
