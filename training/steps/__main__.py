"""`python -m training.steps train|evaluate RUN`: a step outside Lambda, as in a Batch job."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

import boto3

from earshot.model.registry import ModelRegistry
from earshot.retraining.run_files import RunFiles
from earshot.yamnet.flatbuffer import Yamnet
from training.steps.evaluate import evaluate
from training.steps.train import seed_first_champion, train


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.steps", description=__doc__)
    parser.add_argument("step", choices=["train", "evaluate"])
    parser.add_argument("run", help="name of the run")
    arguments = parser.parse_args()
    s3, bucket = boto3.client("s3"), os.environ["MODELS_BUCKET"]
    files, registry = RunFiles(s3, bucket), ModelRegistry(s3, bucket)
    yamnet = Yamnet(Path(os.environ["YAMNET_DIR"]))
    if arguments.step == "train":
        seed_first_champion(registry, Path(os.environ["BUNDLED_MODEL_DIR"]))
        print(train(arguments.run, files, registry, yamnet))
    else:
        print(evaluate(arguments.run, files, registry, yamnet.weights_sha256))


if __name__ == "__main__":
    main()
