"""YAMNet: fetch the published weights, rebuild the network, convert it once to LiteRT."""

from __future__ import annotations

from pathlib import Path

MODEL_DIR = Path(__file__).parents[2] / "models" / "yamnet"
