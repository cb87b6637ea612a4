"""Buckets with a champion, and the retraining's steps on them, against moto's S3."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from earshot.labels import LABELS
from earshot.model.registry import ModelRegistry
from earshot.retraining.labeled_clips import LabeledClips
from earshot.retraining.plan import Request
from earshot.retraining.run_files import RunFiles
from earshot.retraining.steps import Steps
from earshot.retraining.turn import Turn

NOW = datetime(2026, 1, 31, 11, tzinfo=UTC)


class Stage:
    """Buckets with a champion v1, and the steps on them."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        self.files = RunFiles(s3, "models")
        self.registry = ModelRegistry(s3, "models")
        manifest = {"version": "v1", "files": {}}
        self.registry.publish("v1", {"manifest.json": json.dumps(manifest).encode()})
        self.registry.promote("v1", by="setup", reason="first")
        clips = LabeledClips(s3, "clips")
        self.running: set[str] = set()
        turn = Turn(s3, "models", self.running.__contains__)
        self.steps = Steps(self.files, clips, self.registry, turn, lambda: NOW)

    def upload(self, *keys: str) -> None:
        for key in keys:
            self.s3.put_object(Bucket="clips", Key=key, Body=key.encode())

    def candidate(
        self, run: str, macro_f1: float, *, unchanged: bool = False, **request: Any
    ) -> None:
        """Leave what plan, train and evaluate would leave."""
        plan = {"request": {**vars(Request()), **request}, "ignored": ["training/notes.txt"]}
        self.files.write_json(run, "plan.json", plan)
        left_out = [["training/siren/a.wav", "The file is empty."]]
        self.files.write_json(run, "candidate/training.json", {"left_out": left_out})
        self.files.write(run, "candidate/head.npz", b"arrays of " + run.encode())
        self.files.write_json(run, "candidate/metrics.json", metrics(macro_f1))
        self.files.write_json(run, "candidate/manifest.json", {"version": "candidate", "files": {}})
        comparison = {
            "candidate": metrics(macro_f1),
            "champion": metrics(0.9),
            "differences": {},
            "compared_with": vars(self.registry.champion()),
            "evaluated_on": {"clips": 80, "labels_confirmed": True, "new_clips": 0},
            "corrections": {
                "count": 5, "correct_before": 0, "correct": 4, "not_used": 1, "clips": [],
            },
            "unchanged": unchanged,
        }  # fmt: skip
        self.files.write_json(run, "comparison.json", comparison)


def metrics(macro_f1: float) -> dict[str, Any]:
    per_class = {label: {"recall": 0.9, "support": 20} for label in LABELS}
    return {
        "n": 80,
        "macro_f1": macro_f1,
        "macro_f1_95": (macro_f1 - 0.1, macro_f1 + 0.04),
        "ece": 0.05,
        "log_loss": 0.4,
        "per_class": per_class,
    }
