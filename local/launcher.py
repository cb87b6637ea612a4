"""The emulator process: ministack, with what it needs to be quick.

Run by `local.process` as `python -m local.launcher`. The changes below reach into ministack, so
they hold for one version of it only; `tests/unit/test_launcher.py` tells when one is not needed
any more.
"""

from __future__ import annotations

import importlib.metadata
import socketserver

from ministack import app
from ministack.core import lambda_runtime

MINISTACK_VERSION = "1.5.33"

# How long a function may take to start before it is killed and started a second time. AWS allows
# 10 s; a busy laptop may need longer.
INIT_TIMEOUT_SECONDS = 60.0

# How long to wait for a function's log lines after its answer: for the first line, for another
# one, at most.
LOG_WAITS_SECONDS = (0.005, 0.002, 0.1)


def require_known_ministack() -> None:
    found = importlib.metadata.version("ministack")
    if found != MINISTACK_VERSION:
        raise SystemExit(
            f"The local stack is made for ministack {MINISTACK_VERSION}, but {found} is installed. "
            "Install the pinned requirements again (make setup)."
        )


def make_quick() -> None:
    """Take a warm call of a function from 100 ms to 12 ms, and forgive slow starts."""
    # Nagle's algorithm holds back the small answers of the Lambda Runtime API by 40 ms each.
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = LOG_WAITS_SECONDS
    lambda_runtime._PROVIDED_INIT_TIMEOUT = INIT_TIMEOUT_SECONDS


def main() -> None:
    require_known_ministack()
    make_quick()
    app.main()


if __name__ == "__main__":
    main()
