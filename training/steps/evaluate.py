"""Evaluate a candidate and the champion it was fitted from on the same held-out clips."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.model.loading import Model, load_model
from earshot.model.registry import ModelRegistry
from earshot.model.versions import METRICS_NAME
from earshot.retraining.gate import too_few
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import CANDIDATE_FOLDER, COMPARISON_NAME
from training.data.clip_features import ClipFeatures, read_npz
from training.evaluation.metrics import Predictions, differences, report
from training.evaluation.report import write_report
from training.head import incremental
from training.steps.train import HELD_OUT_NAME, TRAINING_NAME, parent_of


def evaluate(
    run: str, files: RunFiles, registry: ModelRegistry, yamnet_weights_sha256: str
) -> dict[str, Any]:
    """Write ``comparison.json`` for the gate, and metrics and report beside the candidate.

    Clips with confirmed labels alone are evaluated on, if they are enough: wrong labels among the
    uploads must not favor a candidate that was trained on them.

    Raises:
        ModelError: candidate or champion is altered.
        UnavailableError: S3 failed.
    """
    candidate = load_model(
        lambda name: files.read(run, CANDIDATE_FOLDER + name), yamnet_weights_sha256
    )
    parent = parent_of(run, files)
    champion = load_model(
        registry.reader(parent.version), yamnet_weights_sha256, parent.manifest_sha256
    )
    held_out, notes = read_npz(files.read(run, CANDIDATE_FOLDER + HELD_OUT_NAME))
    confirmed = np.array(notes["established"], bool)
    recordings = np.array(notes["recordings"], np.int64)
    chosen = _evaluated_on(held_out, confirmed)

    def predict(model: Model, chosen: NDArray[np.bool_]) -> Predictions:
        some = held_out.select(chosen)
        clips = some.feature_set(recordings[chosen].astype(np.str_))
        found = incremental.clip_probabilities(model.head, clips)
        return Predictions(clips.labels, found, recordings[chosen])

    own, other = predict(candidate, chosen), predict(champion, chosen)
    comparison: dict[str, Any] = {
        "candidate": report(own),
        "champion": report(other),
        "differences": differences(own, other),
        "compared_with": vars(parent),
        "evaluated_on": {
            "clips": int(chosen.sum()),
            "labels_confirmed": bool(confirmed[chosen].all()),
            "new_clips": int((~chosen).sum()),
        },
    }
    if (~chosen).any():
        comparison["on_new_clips"] = {
            "candidate": report(predict(candidate, ~chosen)),
            "champion": report(predict(champion, ~chosen)),
        }
    training = files.read_json(run, CANDIDATE_FOLDER + TRAINING_NAME)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        (folder / METRICS_NAME).write_text(json.dumps(comparison["candidate"], indent=2) + "\n")
        write_report(folder, comparison, training)
        for file in sorted(folder.iterdir()):
            files.write(run, CANDIDATE_FOLDER + file.name, file.read_bytes())
    files.write_json(run, COMPARISON_NAME, comparison)
    return {
        "candidate": {"macro_f1": comparison["candidate"]["macro_f1"]},
        "champion": {"macro_f1": comparison["champion"]["macro_f1"]},
        "n_clips": int(chosen.sum()),
    }


def _evaluated_on(held_out: ClipFeatures, confirmed: NDArray[np.bool_]) -> NDArray[np.bool_]:
    counts = Counter(
        str(clip.label)
        for clip, counts_in in zip(held_out.clips, confirmed, strict=True)
        if counts_in
    )
    return confirmed if too_few(counts) is None else np.ones(len(held_out), bool)
