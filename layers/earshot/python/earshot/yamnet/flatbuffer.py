"""YAMNet as a LiteRT flatbuffer: log-mel patches to embeddings and AudioSet scores."""

from __future__ import annotations

import copy
import csv
import hashlib
import json
from pathlib import Path
from typing import NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from earshot.errors import ModelError

N_EMBEDDING = 1024
N_SCORES = 521

FLATBUFFER_NAME = "yamnet.tflite"
CLASS_MAP_NAME = "yamnet_class_map.csv"
DESCRIPTION_NAME = "yamnet.json"

Floats = NDArray[np.float32]


class YamnetOutput(NamedTuple):
    """YAMNet's output for ``n`` patches.

    Attributes:
        embeddings: ``(n, 1024)`` float32, not negative.
        scores: ``(n, 521)`` float32 in 0..1, one for each AudioSet class.
    """

    embeddings: Floats
    scores: Floats


class Yamnet:
    """YAMNet as `training.yamnet` converted it.

    Args:
        folder: holds the flatbuffer, the class map and the description.
        threads: CPU threads of one inference.

    Attributes:
        class_names: display names of the 521 AudioSet classes, in score order.
        weights_sha256: identity of the weights; a head fits only the weights it was trained on.
        sha256: of the flatbuffer.

    Raises:
        ModelError: the flatbuffer is not the one that the description names.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        with (folder / CLASS_MAP_NAME).open(newline="") as file:
            self.class_names = tuple(row["display_name"] for row in csv.DictReader(file))
        description = json.loads((folder / DESCRIPTION_NAME).read_text())
        flatbuffer = (folder / FLATBUFFER_NAME).read_bytes()
        self._threads = threads
        self._open(flatbuffer, description["weights_sha256"])
        if self.sha256 != description["flatbuffer_sha256"]:
            raise ModelError(
                f"{FLATBUFFER_NAME} has SHA-256 {self.sha256}, not "
                f"{description['flatbuffer_sha256']} as {DESCRIPTION_NAME} has it"
            )

    def of_flatbuffer(self, flatbuffer: bytes, weights_sha256: str) -> Yamnet:
        """Another YAMNet, of the same classes.

        Args:
            flatbuffer: of it.
            weights_sha256: identity of its weights.
        """
        other = copy.copy(self)
        other._open(flatbuffer, weights_sha256)
        return other

    def _open(self, flatbuffer: bytes, weights_sha256: str) -> None:
        self.weights_sha256 = weights_sha256
        self.sha256 = hashlib.sha256(flatbuffer).hexdigest()
        self._interpreter = Interpreter(model_content=flatbuffer, num_threads=self._threads)
        self._run = self._interpreter.get_signature_runner()

    def __call__(self, patches: Floats) -> YamnetOutput:
        """Run YAMNet on ``(n, 96, 64)`` float32 log-mel patches, ``n >= 1``."""
        output = self._run(patches=patches)
        return YamnetOutput(output["embeddings"], output["scores"])
