"""`python -m local.images build|inspect|test`: the functions' images."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable

from rich.console import Console

from earshot import __version__
from local.clients import forget_aws_settings
from local.demos.classify import demo_stack
from local.images.classify import try_classify
from local.images.container import FunctionFailedError
from local.images.engine import Engine, EngineError, find_engine
from local.images.inspection import inspect
from local.images.training import try_training
from local.images.trial import Outside
from local.settings import REPOSITORY, LocalStackError

TRIALS: dict[str, Callable[[Engine, str, Outside, Callable[[str], None]], list[str]]] = {
    "classify": try_classify,
    "training": try_training,
}

console = Console(highlight=False)


def build(engine: Engine, name: str, image: str) -> None:
    """Build an image from its Dockerfile, with the repository as context; a tag is its version.

    ``BASE`` and ``ARCH`` in the environment choose another base image and processor.

    Raises:
        EngineError: it failed.
    """
    arguments = ["--file", str(REPOSITORY / "functions" / name / "Dockerfile"), "--tag", image]
    # Of a release, whatever is built later.
    arguments += ["--tag", f"{image.rpartition(':')[0] or image}:{__version__}"]
    arguments += ["--build-arg", f"VERSION={__version__}", "--build-arg", f"REVISION={_revision()}"]
    if base := os.environ.get("BASE"):
        arguments += ["--build-arg", f"BASE={base}"]
    if architecture := os.environ.get("ARCH"):
        arguments += ["--platform", f"linux/{architecture}"]
    engine.build([*arguments, str(REPOSITORY)])


def look_into(engine: Engine, name: str, image: str, max_total_mb: float | None) -> list[str]:
    """Say what an image holds; returns its faults."""
    found = inspect(engine, name, image, max_total_mb)
    console.print(
        f"{name}: {found.total_mb:.0f} MB unpacked, {found.ours_mb:.0f} of them not the base's; "
        f"ready {found.ready_s:.1f} s after its start ({found.ready_cpu_s:.1f} s of work), "
        f"with {found.memory_mb:.0f} MB"
    )
    return [f"{name}: {fault}" for fault in found.faults]


def test(engine: Engine, images: dict[str, str]) -> list[str]:
    """Try images against the local stack; returns where their answers differ."""
    faults = []
    console.print("Starting the local stack …")
    with demo_stack() as (_, outputs):
        for name, image in images.items():
            console.rule(f"{name} in its image and outside")
            faults += TRIALS[name](engine, image, Outside(outputs), console.print)
    return faults


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.images", description=__doc__)
    parser.add_argument("task", choices=["build", "inspect", "test"])
    parser.add_argument("names", nargs="+", choices=list(TRIALS), metavar="classify|training")
    parser.add_argument("--image", help="instead of earshot-<name>:latest; for one name")
    parser.add_argument("--max-mb", type=float, help="unpacked, with its base")
    arguments = parser.parse_args()
    if arguments.image and len(arguments.names) > 1:
        parser.error("--image is for one name")
    images = {name: arguments.image or f"earshot-{name}:latest" for name in arguments.names}
    forget_aws_settings()
    try:
        engine = find_engine()
        faults: list[str] = []
        for name, image in images.items():
            if arguments.task == "build":
                build(engine, name, image)
            else:
                faults += look_into(engine, name, image, arguments.max_mb)
        if arguments.task == "test":
            faults += test(engine, images)
    except (EngineError, FunctionFailedError, LocalStackError) as error:
        sys.exit(str(error))
    if faults:
        sys.exit("\n".join(["Not as it should be:", *faults]))
    if arguments.task == "test":
        console.print("Each image answers as its handler does outside.")


def _revision() -> str:
    done = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    return done.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
