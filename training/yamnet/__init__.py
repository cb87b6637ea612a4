"""YAMNet: fetch the published weights, rebuild the network, convert it once to LiteRT."""

from __future__ import annotations

from pathlib import Path

MODELS = Path(__file__).parents[2] / "models"
MODEL_DIR = MODELS / "yamnet"
ADAPTATION = MODELS / "yamnet-adaptation.npz"
# For what the trunk makes of clips while a version is trained: gigabytes.
SCRATCH = MODELS.parent / ".cache" / "training"
