"""Evaluate a candidate and the champion it was fitted from on the same held-out clips."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from earshot.model.loading import load_model
from earshot.model.registry import ModelRegistry
from earshot.model.versions import METRICS_NAME, WEIGHTS_MEMBER
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import CANDIDATE_FOLDER, COMPARISON_NAME, TRAINING_NAME
from training.data.clip_features import read_npz
from training.data.held_out import HELD_OUT_NAME, HeldOut
from training.evaluation.comparison import compare
from training.evaluation.corrections import compare_corrections
from training.evaluation.report import write_report
from training.steps.train import CORRECTIONS_NAME, parent_of

# A candidate none of whose probabilities for held-out and corrected clips differs by more than this
# from the champion's is no other model.
SAME_WITHIN = 0.005


def evaluate(run: str, files: RunFiles, registry: ModelRegistry) -> dict[str, Any]:
    """Write ``comparison.json`` for the gate, and metrics and report beside the candidate.

    Raises:
        ModelError: candidate or champion is altered.
        UnavailableError: S3 failed.
    """
    parent = parent_of(run, files)
    of_parent = load_model(registry.reader(parent.version), None, parent.manifest_sha256)
    weights_sha256 = of_parent.manifest[WEIGHTS_MEMBER]
    candidate = load_model(
        lambda name: files.read(run, CANDIDATE_FOLDER + name), weights_sha256
    ).head
    champion = of_parent.head
    held_out = HeldOut.from_npz(files.read(run, CANDIDATE_FOLDER + HELD_OUT_NAME))
    corrected, notes = read_npz(files.read(run, CORRECTIONS_NAME))
    corrections = compare_corrections(candidate, champion, corrected, notes["not_used"])
    found = compare(candidate, champion, held_out)
    comparison: dict[str, Any] = found.figures | {
        "compared_with": vars(parent),
        "corrections": corrections.to_json(),
        "unchanged": found.largest_change < SAME_WITHIN
        and corrections.unchanged_within(SAME_WITHIN),
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
        "n_clips": comparison["evaluated_on"]["clips"],
    }
