"""`python -m training.yamnet`: fetch YAMNet, put the trained tail into it, and convert it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from training.yamnet import ADAPTATION, MODEL_DIR
from training.yamnet.weights import HUB_HANDLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=HUB_HANDLE, help="TF Hub handle or SavedModel folder")
    parser.add_argument("--out", type=Path, default=MODEL_DIR)
    parser.add_argument("--published", action="store_true", help="as published, not adapted")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from training.yamnet.convert import convert, fetch  # imports TensorFlow: seconds

    adaptation = None if arguments.published else ADAPTATION
    convert(fetch(arguments.source), arguments.out, adaptation)


if __name__ == "__main__":
    main()
