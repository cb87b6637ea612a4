"""`python -m training.yamnet`: fetch YAMNet and convert it."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from training.yamnet import MODEL_DIR
from training.yamnet.weights import HUB_HANDLE


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default=HUB_HANDLE, help="TF Hub handle or SavedModel folder")
    parser.add_argument("--out", type=Path, default=MODEL_DIR)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    from training.yamnet.convert import convert  # imports TensorFlow: seconds

    convert(arguments.source, arguments.out)


if __name__ == "__main__":
    main()
