"""What an image holds, as the user sees it whom Lambda runs it as."""

from __future__ import annotations

from dataclasses import dataclass

from local.images.container import run_inside
from local.images.engine import Engine

# Amazon Linux 2023's; a library that names a newer symbol cannot be loaded there.
NEWEST_GLIBC = (2, 34)
# What the image adds to its base, in MB: room to grow by a tenth, not to take in a framework.
LIMITS_MB = {"classify": 145, "training": 2050}
# Too slow to load, or too large, for what has to start within a second.
HEAVY = {
    "keras", "librosa", "llvmlite", "matplotlib", "numba", "pandas", "scipy", "sklearn",
    "tensorflow", "tf_keras",
}  # fmt: skip
LABELS = ("title", "description", "licenses", "version", "revision")

_WALK = r"""
import json, os, re
task, base, ours, unreadable, litter, glibc = os.environ["LAMBDA_TASK_ROOT"], 0, 0, [], [], set()
for folder, folders, files in os.walk("/"):
    if folder == "/":
        folders[:] = set(folders) - {"proc", "sys", "dev", "tmp"}
    inside = folder == task or folder.startswith(task + "/")
    for name in files:
        path = os.path.join(folder, name)
        size = os.lstat(path).st_size
        ours, base = (ours + size, base) if inside else (ours, base + size)
        if inside and not os.access(path, os.R_OK):
            unreadable.append(path)
        elif inside and ".so" in name:
            found = re.findall(rb"GLIBC_2\.(\d+)", open(path, "rb").read())
            glibc |= {int(minor) for minor in found}
    litter += [os.path.join(folder, f) for f in folders if f == ".cache"]
try:
    open(task + "/written", "w")
    writable = True
except OSError:
    writable = False
print(json.dumps({"base": base, "ours": ours, "unreadable": unreadable, "litter": litter,
    "glibc": max(glibc, default=0), "packages": sorted(os.listdir(task)), "user": os.getuid(),
    "writable": writable, "tests": [p for p in os.listdir(task) if p in ("tests", "test")]}))
"""

_START = """
import importlib, os, time
ticks = float(open("/proc/self/stat").read().rpartition(")")[2].split()[19])
importlib.import_module(os.environ["HANDLER_MODULE"])
import json, sys
now = time.clock_gettime(time.CLOCK_BOOTTIME)
print(json.dumps({"seconds": now - ticks / os.sysconf("SC_CLK_TCK"), "cpu": time.process_time(),
    "memory_kb": int(next(l for l in open("/proc/self/status") if "VmHWM" in l).split()[1]),
    "packages": sorted({name.partition(".")[0] for name in sys.modules})}))
"""


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        total_mb: all files, unpacked; of it, `ours_mb` are not the base's.
        ours_mb: function, packages and models.
        ready_s: from the start of the process until the handler could take an event.
        ready_cpu_s: what of it was work; on a busy machine the rest was waiting.
        memory_mb: at most, until then.
        faults: what must not be so; empty if all is well.
    """

    total_mb: float
    ours_mb: float
    ready_s: float
    ready_cpu_s: float
    memory_mb: float
    faults: tuple[str, ...]


def inspect(engine: Engine, name: str, image: str, max_total_mb: float | None) -> Inspection:
    """Look into an image.

    Args:
        engine: that has it.
        name: ``classify`` or ``training``.
        image: its name.
        max_total_mb: what it may have with its base; None limits only what it adds to the base.

    Raises:
        EngineError: it cannot be run.
    """
    found = run_inside(engine, image, _WALK, {})
    # As in Lambda, so that the handler does what it does there while it initializes.
    lambda_like = {
        "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9",
        "AWS_DEFAULT_REGION": "us-east-1",
        "HANDLER_MODULE": f"earshot_{name}.app",
    }
    start = run_inside(engine, image, _START, lambda_like)
    total_mb, ours_mb = (found["base"] + found["ours"]) / 1e6, found["ours"] / 1e6
    config = engine.config_of(image)
    labels = config.get("Labels") or {}
    newest = (2, found["glibc"])
    checks = {
        f"it adds {ours_mb:.0f} MB to its base; at most {LIMITS_MB[name]}": ours_mb
        <= LIMITS_MB[name],
        f"it has {total_mb:.0f} MB; at most {max_total_mb} were asked for": max_total_mb is None
        or total_mb <= max_total_mb,
        f"Lambda's user cannot read {found['unreadable'][:3]}": not found["unreadable"],
        f"it ran as user {found['user']}": found["user"] != 0,
        "its code can be written over": not found["writable"],
        f"it has caches: {found['litter'][:3]}": not found["litter"],
        f"it has tests: {found['tests']}": not found["tests"],
        f"a library asks for glibc {newest}, newer than Lambda's": newest <= NEWEST_GLIBC,
        "a label is missing": all(f"org.opencontainers.image.{key}" in labels for key in LABELS),
        "it names a user; Lambda has its own": not config.get("User"),
        f"its start imports {HEAVY & set(start['packages'])}": not HEAVY & set(start["packages"]),
    }
    if name == "classify":
        heavy = HEAVY & set(found["packages"])
        checks[f"it has {heavy}, which serving never loads"] = not heavy
    faults = tuple(fault for fault, holds in checks.items() if not holds)
    return Inspection(
        total_mb=total_mb,
        ours_mb=ours_mb,
        ready_s=start["seconds"],
        ready_cpu_s=start["cpu"],
        memory_mb=start["memory_kb"] / 1e3,
        faults=faults,
    )
