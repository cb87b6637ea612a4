"""`make archive-demo`: an archive on a local stack of its own, with workers killed in the middle.

Prints what was lost or doubled: of the results, and of the rows in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from local.clients import forget_aws_settings
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import Settings
from tests.archives.run import ArchiveRun, put_clips
from tests.stack import free_port


def archive(n: int, folder: Path) -> dict[str, Any]:
    """Classify `n` objects while workers are killed, then once more; the figures."""
    settings = Settings(port=free_port(), folder=folder)
    require_models(settings)
    emulator = process.start(settings)
    try:
        run = ArchiveRun(deploy(settings).outputs, emulator.pid)
        put_clips(run, "archive/", n)
        began = time.monotonic()
        execution = run.start({"name": "killed", "prefix": "archive/", "keep_in_table": True})
        killed = run.kill_workers(execution, [n // 5, n // 2])
        summary = run.finish(execution)
        took = time.monotonic() - began
        before = run.figures("killed")
        began = time.monotonic()
        again = run.finish(
            run.start({"name": "killed", "prefix": "archive/", "keep_in_table": True})
        )
        return {
            "objects": n,
            "workers killed": killed,
            "took_s": round(took, 1),
            "summary": summary,
            "figures": before,
            "again_took_s": round(time.monotonic() - began, 1),
            "the same again": again == summary and run.figures("killed") == before,
        }
    finally:
        process.stop(settings)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.archives", description=__doc__)
    parser.add_argument("--n", type=int, default=2000, help="objects")
    arguments = parser.parse_args()
    forget_aws_settings()
    os.environ["NO_PROXY"] = "127.0.0.1"
    with tempfile.TemporaryDirectory() as folder:
        found = archive(arguments.n, Path(folder))
    print(json.dumps(found, indent=2))
    good = found["figures"]["lost"] == found["figures"]["doubled"] == 0 and found["the same again"]
    sys.exit(not good)


if __name__ == "__main__":
    main()
