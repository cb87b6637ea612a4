"""`python -m local.down`: stop the local stack; with `--forget`, remove what it holds, too."""

from __future__ import annotations

import argparse
import sys

from local.emulator import process
from local.settings import LocalStackError, Settings


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.down", description=__doc__)
    parser.add_argument("--forget", action="store_true", help="delete clips, results and the rest")
    arguments = parser.parse_args()
    try:
        settings = Settings.from_environment()
        stopped = process.stop(settings, forget=arguments.forget)
    except LocalStackError as error:
        sys.exit(str(error))
    print(f"Earshot is down (was pid {stopped.pid})." if stopped else "Earshot was not running.")
    if settings.state.exists():
        print(f"What it holds stays in {settings.state}; `make down FORGET=1` deletes it.")


if __name__ == "__main__":
    main()
