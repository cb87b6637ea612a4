"""`python -m training.data.open_audio --out DIR`: fetch, label and convert open audio."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path

from training.data.open_audio.fetch import FetchError, fetch
from training.data.open_audio.sources import SOURCES, read_sources


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m training.data.open_audio", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sounds; created")
    parser.add_argument("--sources", type=Path, default=SOURCES, help="packages and label rules")
    parser.add_argument("--only", nargs="+", metavar="PACKAGE", help="just these packages")
    parser.add_argument("--keep-packages", action="store_true", help="keep the .deb files")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        missing = fetch(
            read_sources(arguments.sources),
            arguments.out,
            only=arguments.only,
            keep_packages=arguments.keep_packages,
        )
    except FetchError as error:
        logging.error("%s", error)
        return 2
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
