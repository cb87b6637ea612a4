"""The training image against the same handler on the local stack: embed, train, evaluate."""

from __future__ import annotations

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import BATCHES_NAME, CANDIDATE_FOLDER, FEATURES_FOLDER
from earshot.uploads.objects import HELD_OUT_PREFIX, TRAINING_PREFIX
from local.images.container import serving
from local.images.engine import Engine
from local.images.trial import Outside, differences, sample_event
from training.data.demo_sounds import write_recordings

CLIPS_OF_EACH_LABEL = 5
PREFIX = f"{TRAINING_PREFIX}image-test/"
# All kinds: pitch and stretch need librosa, and numba's cache, which only /tmp can hold.
REQUEST = {
    "prefix": PREFIX,
    "augmentations": ["noise", "pitch", "stretch", "background"],
    "force": True,
    "requested_by": "make image-test",
    "reason": "too few clips for the gate",
}
# Features are sums of thousands of products, in an order that is each build's own.
FEATURE_TOLERANCE = 1e-3
# How a fit ends depends on the least rounding at its start; what it was given does not.
OF_THE_FIT = frozenset({"epochs", "macro_f1"})


def try_training(
    engine: Engine, image: str, outside: Outside, say: Callable[[str], None]
) -> list[str]:
    """Do a retraining's steps in the image; returns what comes out otherwise than on the stack.

    Raises:
        FunctionFailedError: the image's handler raised.
        LocalStackError: the stack's did.
    """
    files = RunFiles(outside.client("s3"), outside.outputs["ModelsBucketName"])
    _upload_clips(outside)
    runs = {"image": "image-test-inside", "stack": "image-test-outside"}
    for run in runs.values():
        plan = {"step": "plan", "run": run, "input": REQUEST}
        outside.invoke("RetrainingFunctionName", plan)
    embeds = [
        {**sample_event("embed_batch"), "run": runs["image"], "batch": batch}
        for batch in files.read_json(runs["image"], BATCHES_NAME)
    ]
    address = engine.address_of_this_machine(image)
    found: list[str] = []

    memory_mb = outside.memory_mb("EmbedFunctionName")
    environment = outside.environment("EmbedFunctionName", address)
    with serving(engine, image, memory_mb, environment) as container:
        for event in embeds:
            answer = container.invoke(event)
            expected = outside.invoke("EmbedFunctionName", {**event, "run": runs["stack"]})
            found += differences(answer, expected, frozenset(), "embed")
            say(f"embed: {answer['clips']} clips of batch {answer['batch']}")
    for name in files.names(runs["image"], FEATURES_FOLDER):
        found += _feature_differences(*(files.read(run, name) for run in runs.values()))

    memory_mb = outside.memory_mb("TrainFunctionName")
    environment = outside.environment("TrainFunctionName", address)
    with serving(engine, image, memory_mb, environment) as container:
        for step in ("train", "evaluate"):
            event = {**sample_event("train_step"), "step": step, "run": runs["image"]}
            answer = container.invoke(event)
            expected = outside.invoke("TrainFunctionName", {**event, "run": runs["stack"]})
            found += differences(answer, expected, OF_THE_FIT, step)
            say(f"{step}: {json.dumps(answer)}")
    made, expected_files = (set(files.names(run, CANDIDATE_FOLDER)) for run in runs.values())
    found += [f"only one of both wrote {name}" for name in made ^ expected_files]
    return found


def _upload_clips(outside: Outside) -> None:
    s3, bucket = outside.client("s3"), outside.outputs["UploadsBucketName"]
    with tempfile.TemporaryDirectory() as scratch:
        for prefix, seed in ((PREFIX, 0), (HELD_OUT_PREFIX, 1000)):
            clips = write_recordings(Path(scratch) / str(seed), CLIPS_OF_EACH_LABEL, seed)
            for clip in clips:
                s3.put_object(Bucket=bucket, Key=prefix + clip.name, Body=clip.read_bytes())


def _feature_differences(inside: bytes, outside: bytes) -> list[str]:
    pair: list[Any] = [
        np.load(io.BytesIO(content), allow_pickle=False) for content in (inside, outside)
    ]
    found = []
    for name in sorted(set(pair[0].files) | set(pair[1].files)):
        one, other = (arrays[name] for arrays in pair)
        same = one.shape == other.shape and (
            np.allclose(one, other, rtol=0, atol=FEATURE_TOLERANCE)
            if np.issubdtype(one.dtype, np.floating)
            else np.array_equal(one, other)
        )
        if not same:
            found.append(f"embed: the features' {name} differ")
    return found
