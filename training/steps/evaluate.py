"""Evaluate a candidate and the champion it was fitted from on the same held-out clips."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earshot.model.head import Head
from earshot.model.loading import load_model
from earshot.model.registry import ModelRegistry
from earshot.model.versions import METRICS_NAME, WEIGHTS_MEMBER
from earshot.retraining.gate import too_few
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import CANDIDATE_FOLDER, COMPARISON_NAME, TRAINING_NAME
from training.data.clip_features import read_npz
from training.data.held_out import HELD_OUT_NAME, HeldOut
from training.evaluation.corrections import compare_corrections
from training.evaluation.false_alarm_rate import FalseAlarms, false_alarms, rate_differences
from training.evaluation.metrics import differences, report
from training.evaluation.predictions import Predictions
from training.evaluation.report import write_report
from training.head import incremental
from training.steps.train import CORRECTIONS_NAME, parent_of

# A candidate none of whose probabilities for held-out and corrected clips differs by more than this
# from the champion's is no other model.
SAME_WITHIN = 0.005


def evaluate(run: str, files: RunFiles, registry: ModelRegistry) -> dict[str, Any]:
    """Write ``comparison.json`` for the gate, and metrics and report beside the candidate.

    Clips with confirmed labels alone are evaluated on, if they are enough: wrong labels among the
    uploads must not favor a candidate that was trained on them.

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
    labeled = held_out.select(~held_out.everyday)
    chosen = _evaluated_on(labeled)
    own, other = predict(candidate, labeled, chosen), predict(champion, labeled, chosen)
    alarms = false_alarms(candidate, held_out), false_alarms(champion, held_out)
    corrected, notes = read_npz(files.read(run, CORRECTIONS_NAME))
    corrections = compare_corrections(candidate, champion, corrected, notes["not_used"])
    comparison: dict[str, Any] = {
        "candidate": _report(own, alarms[0]),
        "champion": _report(other, alarms[1]),
        "differences": differences(own, other) | rate_differences(*alarms),
        "compared_with": vars(parent),
        "evaluated_on": {
            "clips": int(chosen.sum()),
            "released_clips": int((chosen & labeled.released).sum()),
            "labels_confirmed": bool(labeled.confirmed[chosen].all()),
            "new_clips": int((~chosen).sum()),
        },
        "corrections": corrections.to_json(),
        "unchanged": bool(np.abs(own.probabilities - other.probabilities).max() < SAME_WITHIN)
        and corrections.unchanged_within(SAME_WITHIN),
    }
    if (~chosen).any():
        comparison["on_new_clips"] = {
            "candidate": report(predict(candidate, labeled, ~chosen)),
            "champion": report(predict(champion, labeled, ~chosen)),
        }
    of_person = chosen & ~labeled.released
    if labeled.released.any() and too_few(labeled.select(of_person).counts()) is None:
        own, other = predict(candidate, labeled, of_person), predict(champion, labeled, of_person)
        comparison["on_own_clips"] = {
            "candidate": report(own),
            "champion": report(other),
            "differences": differences(own, other),
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


def predict(head: Head, held_out: HeldOut, chosen: NDArray[np.bool_]) -> Predictions:
    """What a head gives for the chosen clips, ``(clips,)``."""
    some = held_out.select(chosen)
    clips = some.features.feature_set(some.recordings.astype(np.str_))
    return Predictions(clips.labels, incremental.clip_probabilities(head, clips), some.recordings)


def _report(predictions: Predictions, alarms: FalseAlarms) -> dict[str, Any]:
    return report(predictions) | {
        "casual_hours": alarms.hours,
        "false_alarms": alarms.count,
        "false_alarms_per_hour": alarms.per_hour,
    }


def _evaluated_on(held_out: HeldOut) -> NDArray[np.bool_]:
    enough = too_few(held_out.select(held_out.confirmed).counts()) is None
    return held_out.confirmed if enough else np.ones(len(held_out), bool)
