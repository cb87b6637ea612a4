"""How long each function's handler takes to import, and which packages take most of it."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
import time
from collections import defaultdict
from statistics import median
from typing import Any

from bench.measure import spread
from bench.serving import classify_environment, packages
from local.settings import LAYER, REPOSITORY

HANDLERS = {
    "classify": ("functions/classify", "earshot_classify.app"),
    "api": ("functions/api", "earshot_api.app"),
    "alert": ("functions/alert", "earshot_alert.app"),
    "retraining": ("functions/retraining", "earshot_retraining.app"),
}
_LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
_N_HEAVIEST = 5
# urllib3 imports pyOpenSSL, and so cryptography, where they happen to be. Development tools bring
# them; neither the image nor the zip functions have them.
_WITHOUT_OPENSSL = "import sys; sys.modules['OpenSSL'] = None; "


def import_time(runs: int) -> dict[str, Any]:
    """Figures of each handler; the packages' times are of their own modules alone."""
    return {"import_time": {name: _measure(*handler, runs) for name, handler in HANDLERS.items()}}


def _measure(folder: str, module: str, runs: int) -> dict[str, Any]:
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= classify_environment("http://127.0.0.1:9")
    folders = [REPOSITORY / folder, LAYER]
    options: list[str] = []
    if folder == "functions/classify":
        # Its image's packages are at hand; the others are measured in the development environment.
        folders, options = [packages(), *folders], ["-S"]
    environment["PYTHONPATH"] = os.pathsep.join(map(str, folders))
    command = [*options, "-c", f"{_WITHOUT_OPENSSL}import {module}"]
    seconds, cpu_seconds = [], []
    of_packages: dict[str, list[float]] = defaultdict(list)
    for _ in range(runs):
        began, cpu_began = time.perf_counter(), _cpu_seconds()
        _run(command, environment)
        seconds.append(time.perf_counter() - began)
        cpu_seconds.append(_cpu_seconds() - cpu_began)
        for package, own in _own_times(command, environment).items():
            of_packages[package].append(own)
    medians = {package: median(times) for package, times in of_packages.items()}
    heaviest = sorted(medians, key=lambda package: medians[package], reverse=True)[:_N_HEAVIEST]
    return {
        "seconds": spread(seconds),
        "cpu_seconds": spread(cpu_seconds),
        "heaviest_s": {package: round(medians[package], 4) for package in heaviest},
    }


def _cpu_seconds() -> float:
    """Of all processes that have been run and waited for; other work on the machine adds little."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _own_times(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Seconds by top-level package; the standard library's modules count as one."""
    totals: dict[str, float] = defaultdict(float)
    for line in _run(["-X", "importtime", *arguments], environment).splitlines():
        if match := _LINE.match(line):
            package = match[2].partition(".")[0]
            if package in sys.stdlib_module_names:
                package = "the standard library"
            totals[package] += int(match[1]) / 1e6
    return totals


def _run(arguments: list[str], environment: dict[str, str]) -> str:
    command = [sys.executable, *arguments]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=True
    ).stderr
