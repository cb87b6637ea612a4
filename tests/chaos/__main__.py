"""`make chaos`: uploads on a local stack of its own while much of it fails.

Calls of the functions to AWS fail before and after they were done, services are away for seconds,
messages and records of the stream are delivered twice and out of order, workers are killed, and the
emulator is stopped and started again. Writes `bench/faults.json`: what was lost, doubled or late.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from bench.machine import machine
from local.clients import forget_aws_settings
from local.deployment.deploy import deploy, require_models
from local.emulator import process
from local.settings import REPOSITORY, Settings
from local.sweep import sweep
from tests.chaos.figures import of_alerts, of_results
from tests.chaos.proxy import FaultyProxy
from tests.chaos.run import (
    KILL_EVERY,
    VISIBILITY_S,
    Aws,
    Killer,
    consider_again,
    listening,
    send,
    settle,
    settle_alerts,
)
from tests.clips import wav
from tests.load.clip import clip
from tests.stack import free_port

OUT = REPOSITORY / "bench" / "faults.json"
COOLDOWN = timedelta(seconds=300)  # AlertCooldownSeconds of the template
PATIENCE_S = 90.0
RESTARTED = 60  # uploads of the part in which the emulator is started again


def chaos(n: int, seed: int, folder: Path) -> dict[str, Any]:
    """Send `n` uploads under faults; the figures."""
    port = free_port()
    proxy = FaultyProxy(port, seed)
    proxy.rest()
    settings = Settings(port=port, folder=folder, calls_through=proxy.address)
    require_models(settings)
    emulator = process.start(settings)
    try:
        aws = Aws(deploy(settings).outputs)
        aws.return_messages_after(VISIBILITY_S)
        quiet = _quiet(seed)
        began = time.monotonic()
        with listening(aws) as alerts:
            proxy.begin()
            with Killer(emulator.pid, lambda: proxy.written, seed) as killer:
                sent = send(aws, n, clip(), quiet, seed)
                _say(f"{n} uploads sent")
                again = consider_again(aws, sent, seed)
                settle(aws, n, PATIENCE_S)
            proxy.rest()
            _say("no more faults")
            settle(aws, n, PATIENCE_S)
            swept = sweep(aws.outputs, {"min_age_minutes": 0.0, "max_age_hours": 24.0})
            _say(f"swept: {swept}")
            settle(aws, n, PATIENCE_S)
            again += consider_again(aws, sent, seed + 1)
            settle_alerts(sent, alerts, PATIENCE_S)
            time.sleep(5)  # for an alert that should not come
        return {
            "n": n,
            "seed": seed,
            "took_s": round(time.monotonic() - began, 1),
            "results": of_results(sent, aws.rows()),
            "alerts": of_alerts(sent, alerts, COOLDOWN),
            "swept": swept["queued"],
            "dead_letters": aws.dead_letters(),
            "faults": {
                "calls": proxy.calls,
                **dict(sorted(proxy.faults.items())),
                "workers killed": killer.killed,
                "records considered again": again,
                "rows between kills": KILL_EVERY,
                "visibility timeout, s": VISIBILITY_S,
            },
        }
    finally:
        process.stop(settings)
        proxy.close()


def restarted(n: int, seed: int, folder: Path) -> dict[str, Any]:
    """Send `n` uploads that raise no alert, and stop and start the emulator while they wait.

    The emulator keeps buckets, queues and tables, but not the records of a table's stream, so it
    would lose alerts by itself. What is killed outright it has not written down at all.
    """
    settings = Settings(port=free_port(), folder=folder, persists=True)
    process.start(settings)
    try:
        aws = Aws(deploy(settings).outputs)
        aws.return_messages_after(VISIBILITY_S)
        quiet = _quiet(seed)
        sent = send(aws, n, quiet, quiet, seed)
        waited = aws.waiting()
        process.restart(settings)
        settle(aws, n, 2 * VISIBILITY_S)
        return {"n": n, "waited": waited, "results": of_results(sent, aws.rows())}
    finally:
        process.stop(settings)


def _quiet(seed: int) -> bytes:
    """Two seconds of faint noise."""
    rng = np.random.default_rng(seed)
    return wav(0.01 * rng.standard_normal(32000).astype(np.float32))


def _say(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--n", type=int, default=10000, help="uploads")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    forget_aws_settings()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # by way of `finally`
    with tempfile.TemporaryDirectory(prefix="earshot-chaos-") as folder:
        report = {
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            **chaos(arguments.n, arguments.seed, Path(folder) / "stack"),
            "emulator restarted": restarted(RESTARTED, arguments.seed, Path(folder) / "second"),
        }
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))
    figures = {name: report[name] for name in ("results", "alerts")}
    figures["results after a restart"] = report["emulator restarted"]["results"]
    bad = {
        f"{name}, {kind}": figures[name][kind]
        for name in figures
        for kind in ("lost", "doubled", "wrong", "unexpected")
        if figures[name].get(kind)
    }
    if bad:
        sys.exit(f"Not zero: {bad}")


if __name__ == "__main__":
    main()
