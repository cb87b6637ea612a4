"""Retraining on a local stack whose set-up has no TensorFlow: one sentence in place of a run."""

from __future__ import annotations

import importlib.util
from typing import Any

SENTENCE = (
    "Retraining needs TensorFlow, which the small set-up does without: run `make setup`, then "
    "`make up`, and start it again."
)
# In place of infrastructure/retrain.asl.yaml.
DEFINITION: dict[str, Any] = {
    "Comment": "Says what to do before a retraining can run.",
    "StartAt": "SetupNeeded",
    "States": {"SetupNeeded": {"Type": "Fail", "Error": "SetupNeeded", "Cause": SENTENCE}},
}


def can_train() -> bool:
    """Whether the packages that training needs are installed."""
    return importlib.util.find_spec("tensorflow") is not None
