"""`python -m training.steps train|evaluate RUN`: a step outside Lambda, as in a Batch job."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import boto3

from earshot.model.registry import ModelRegistry
from earshot.model.yamnets import Yamnets
from earshot.retraining.run_files import RunFiles
from earshot.yamnet.flatbuffer import FLATBUFFER_NAME, Yamnet
from training.steps.evaluate import evaluate
from training.steps.train import seed_first_champion, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.steps", description=__doc__)
    parser.add_argument("step", choices=["train", "evaluate"])
    parser.add_argument("run", help="name of the run")
    arguments = parser.parse_args()
    s3, bucket = boto3.client("s3"), os.environ["MODELS_BUCKET"]
    files, registry = RunFiles(s3, bucket), ModelRegistry(s3, bucket)
    if arguments.step == "train":
        folder = Path(os.environ["YAMNET_DIR"])
        bundled = Path(os.environ["BUNDLED_MODEL_DIR"])
        seed_first_champion(registry, bundled, folder / FLATBUFFER_NAME)
        yamnets = Yamnets(Yamnet(folder), registry.read_yamnet)
        print(train(arguments.run, files, registry, yamnets))
    else:
        print(evaluate(arguments.run, files, registry))


if __name__ == "__main__":
    main()
