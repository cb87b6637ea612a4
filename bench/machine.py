"""The machine that something was measured on, in general terms."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import psutil

_TELLING_PACKAGES = ("ai-edge-litert", "boto3", "numpy", "tensorflow-cpu")


def machine() -> dict[str, Any]:
    """Processor, memory, system, the versions that matter, and how busy it was just now."""
    return {
        "cpu": _cpu_model(),
        "vector_instructions": _vector_instructions(),
        "cores": len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: importlib.metadata.version(name) for name in _TELLING_PACKAGES},
        "load_average_1_min": round(psutil.getloadavg()[0], 1),
    }


def _cpu_info(field: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:  # not Linux
        return ""
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(field)), "")


def _cpu_model() -> str:
    return _cpu_info("model name") or platform.processor() or platform.machine()


def _vector_instructions() -> str:
    """The widest that neural network kernels use; unknown where the system does not say."""
    flags = _cpu_info("flags").split()
    return next((name for name in ("avx512f", "avx2", "sse4_2") if name in flags), "unknown")
