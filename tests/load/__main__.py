"""`make load`: many users at once and a burst of uploads on a local stack of its own.

Writes `bench/load.json`. The stack, the functions and the users all share this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import machine
from local.clients import forget_aws_settings
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import REPOSITORY, Settings
from tests.load.burst import burst
from tests.load.clip import clip
from tests.load.figures import summary
from tests.stack import free_port

OUT = REPOSITORY / "bench" / "load.json"
LOCUSTFILE = Path(__file__).with_name("locustfile.py")
FINISH_S = 60  # for what is under way when time is up
UNITS = {"s": 1, "m": 60, "h": 3600}


def seconds(text: str) -> float:
    """Seconds of a time as Locust writes it, such as ``60s`` or ``5m``."""
    match = re.fullmatch(r"(\d+)([smh]?)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is no time; 60s and 5m are")
    return float(match[1]) * UNITS[match[2] or "s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--users", type=int, default=500)
    parser.add_argument("--ramp", type=float, default=50, help="users that come each second")
    parser.add_argument("--time", type=seconds, default="60s")
    parser.add_argument("--objects", type=int, default=2000, help="uploads of the burst")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    forget_aws_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of `finally`
    with tempfile.TemporaryDirectory(prefix="earshot-load-") as folder:
        settings = Settings(port=free_port(), folder=Path(folder) / "stack")
        require_models(settings)
        process.start(settings)
        try:
            outputs = deploy(settings).outputs
            report: dict[str, Any] = {
                "measured": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": machine(),
                "users": users(outputs, Path(folder), arguments),
            }
            if arguments.objects:
                report["burst"] = burst(outputs, clip(), arguments.objects)
        finally:
            process.stop(settings)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    failures = report["users"]["failures"]
    lost = report.get("burst", {}).get("lost", 0)
    if failures or lost:
        sys.exit(f"{failures} requests failed and {lost} uploads were lost.")


def users(outputs: dict[str, Any], folder: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run Locust; figures of its requests."""
    samples_file = folder / "samples.json"
    began_at = time.time()
    subprocess.run(
        [
            *(sys.executable, "-m", "locust", "--locustfile", str(LOCUSTFILE), "--headless"),
            *("--host", outputs["ApiUrl"], "--only-summary", "--loglevel", "WARNING"),
            *("--users", str(arguments.users), "--spawn-rate", str(arguments.ramp)),
            *("--run-time", f"{arguments.time:.0f}s", "--stop-timeout", str(FINISH_S)),
            *("--exit-code-on-error", "0"),
        ],
        env=os.environ | {"EARSHOT_LOAD_SAMPLES": str(samples_file)},
        check=True,
    )
    samples = json.loads(samples_file.read_text())
    began_at = min((sample["began_at"] for sample in samples), default=began_at)
    return {
        "users": arguments.users,
        "ramp_users_per_s": arguments.ramp,
        "wait_s": [1, 3],
        "run_s": arguments.time,
        **summary(samples, began_at, arguments.users / arguments.ramp, arguments.time),
    }


if __name__ == "__main__":
    main()
