"""`python -m local.down`: stop the local stack and remove what it holds."""

from __future__ import annotations

import sys

from local import process
from local.settings import LocalStackError, Settings


def main() -> None:
    try:
        stopped = process.stop(Settings.from_environment())
    except LocalStackError as error:
        sys.exit(str(error))
    print(f"Earshot is down (was pid {stopped.pid})." if stopped else "Earshot was not running.")


if __name__ == "__main__":
    main()
