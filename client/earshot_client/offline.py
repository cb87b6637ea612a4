"""Classify files on this machine, without an API."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from earshot.audio.clip import Clip
from earshot.audio.log_mel import MEL_BANDS, PATCH_FRAMES
from earshot.errors import RejectedClipError
from earshot.results.result import Origin, Result, classified, rejected
from earshot.uploads.objects import DEFAULT_SOURCE, digest
from earshot.yamnet.flatbuffer import Yamnet
from earshot_client.cli.recordings import as_file
from earshot_client.model_folder import classifier_of


def classify_files(
    files: Iterable[Path], model_dir: Path, yamnet_dir: Path
) -> Iterator[tuple[Path, Result]]:
    """Result of each file, classified or rejected, as the API gives it.

    Raises:
        ModelError: the model is altered or does not fit.
    """
    with _without_remarks():
        yamnet = Yamnet(yamnet_dir)
        yamnet(np.zeros((1, PATCH_FRAMES, MEL_BANDS), np.float32))  # only then does it start
    classifier = classifier_of(model_dir, yamnet)
    for path in files:
        origin = Origin(digest(f"file:{path.resolve()}"), DEFAULT_SOURCE)
        try:
            with as_file(path) as copy, copy.open("rb") as file, Clip(file) as clip:
                classification = classifier.classify(clip)
            yield path, classified(origin, classification, datetime.now(UTC))
        except RejectedClipError as error:
            yield path, rejected(origin, error, datetime.now(UTC))
        except OSError as error:
            unreadable = RejectedClipError("unreadable", f"The file cannot be read: {error}.")
            yield path, rejected(origin, unreadable, datetime.now(UTC))


@contextmanager
def _without_remarks() -> Iterator[None]:
    """Drop what LiteRT writes to standard error as it starts: it does so past Python."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
