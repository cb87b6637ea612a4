"""`python -m bench.images`: how large the images are and how fast they start.

Writes the member ``images`` of ``bench/report.json`` and leaves the others as they are. The images
have to be there: `make image`, or ``CLASSIFY_IMAGE`` and ``TRAINING_IMAGE`` name others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import machine
from bench.measure import spread
from earshot.uploads.objects import TRAINING_PREFIX
from local.clients import forget_aws_settings
from local.demos.classify import demo_stack
from local.images.classify import recording
from local.images.container import FunctionFailedError, serving
from local.images.engine import Engine, EngineError, find_engine
from local.images.inspection import inspect
from local.images.trial import Outside, sample_event
from local.settings import REGION, REPOSITORY, LocalStackError

REPORT = REPOSITORY / "bench" / "report.json"
MEMBER = "images"
COMMAND = "make bench-images"
STARTS = 5
# As in template.yaml: one vCPU.
MEMORY_MB = 1769


def merge(path: Path, member: str, content: Mapping[str, Any]) -> None:
    """Update a member of the JSON object in a file; what is not measured now keeps its figures."""
    document = json.loads(path.read_text()) if path.exists() else {}
    document[member] = document.get(member, {}) | content
    path.write_text(json.dumps(document, indent=2) + "\n")


def starts(engine: Engine, name: str, image: str, rounds: int) -> dict[str, Any]:
    """Sizes, and the start of the process until its handler could take an event."""
    found = [inspect(engine, name, image, None) for _ in range(rounds)]
    return {
        "unpacked_mb": round(found[0].total_mb, 1),
        "without_base_mb": round(found[0].ours_mb, 1),
        "ready_s": spread([each.ready_s for each in found], digits=2),
        "ready_cpu_s": spread([each.ready_cpu_s for each in found], digits=2),
        "ready_memory_mb": spread([each.memory_mb for each in found], digits=1),
    }


def answers(
    engine: Engine,
    image: str,
    environment: Mapping[str, str],
    event: Callable[[int], Mapping[str, Any]],
    rounds: int,
) -> dict[str, Any]:
    """Seconds from starting a container until its first answer, and those of the next ones."""
    first, later = [], []
    for number in range(rounds):
        began = time.perf_counter()
        with serving(engine, image, MEMORY_MB, environment) as container:
            container.invoke(event(2 * number))
            answered = time.perf_counter()
            container.invoke(event(2 * number + 1))
            later.append(time.perf_counter() - answered)
        first.append(answered - began)
    return {
        "memory_mb": MEMORY_MB,
        "first_answer_s": spread(first, digits=2),
        "next_answer_s": spread(later, digits=3),
    }


def predict_event(number: int) -> dict[str, Any]:
    """The sample event with a request id of its own, so that no answer is an earlier one."""
    event = sample_event("predict_raw")
    event["requestContext"]["requestId"] = f"bench-{number}"
    return event


def embed_events(outside: Outside) -> Callable[[int], dict[str, Any]]:
    """Events that embed one uploaded clip without augmented copies, each in a run of its own."""
    key = f"{TRAINING_PREFIX}bench/siren_000.wav"
    put = outside.client("s3").put_object(
        Bucket=outside.outputs["UploadsBucketName"], Key=key, Body=recording()
    )

    def event(number: int) -> dict[str, Any]:
        sample = sample_event("embed_batch")
        clip = sample["batch"]["clips"][0] | {"key": key, "version_id": put["VersionId"]}
        batch = sample["batch"] | {"clips": [clip], "augmentations": []}
        return {**sample, "run": f"bench-{number}", "batch": batch}

    return event


def measure(engine: Engine, images: Mapping[str, str], rounds: int) -> dict[str, Any]:
    """All figures of the images: classify by itself, training on a local stack's buckets."""
    found: dict[str, Any] = {}
    for name, image in images.items():
        print(f"{name}: starting it {rounds} times", file=sys.stderr)
        found[name] = {
            "command": COMMAND,
            "measured": datetime.now(UTC).isoformat(timespec="seconds"),
            "engine": f"{engine.name} {engine.run('version', '--format', '{{.Client.Version}}')}",
            "machine": machine(),
            **starts(engine, name, image, rounds),
        }
    if "classify" in images:
        alone = {"AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
        found["classify"]["predict"] = answers(
            engine, images["classify"], alone, predict_event, rounds
        )
    if "training" in images:
        image = images["training"]
        with demo_stack() as (_, outputs):
            outside = Outside(outputs)
            environment = outside.environment(
                "EmbedFunctionName", engine.address_of_this_machine(image)
            )
            event = embed_events(outside)
            found["training"]["embed"] = answers(engine, image, environment, event, rounds)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.images", description=__doc__)
    parser.add_argument("--report", type=Path, default=REPORT)
    parser.add_argument("--starts", type=int, default=STARTS, help="of each image")
    parser.add_argument("names", nargs="*", default=["classify", "training"])
    arguments = parser.parse_args()
    images = {
        name: os.environ.get(f"{name.upper()}_IMAGE") or f"earshot-{name}:latest"
        for name in arguments.names
    }
    forget_aws_settings()
    try:
        found = measure(find_engine(), images, arguments.starts)
    except (EngineError, FunctionFailedError, LocalStackError) as error:
        sys.exit(str(error))
    merge(arguments.report, MEMBER, found)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
