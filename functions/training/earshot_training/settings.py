"""Settings of training: all that it takes from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """Settings of training.

    Attributes:
        models_bucket: name of the bucket of model versions and of the files of retrainings.
        uploads_bucket: name of the bucket of labeled clips; None where no clips are embedded.
        yamnet_dir: folder of the converted YAMNet.
        bundled_model_dir: the model version inside the image, champion of a new stack.
    """

    models_bucket: str
    uploads_bucket: str | None
    yamnet_dir: Path
    bundled_model_dir: Path

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable without a default is missing.
        """
        return cls(
            models_bucket=environment["MODELS_BUCKET"],
            uploads_bucket=environment.get("UPLOADS_BUCKET"),
            yamnet_dir=Path(environment["YAMNET_DIR"]),
            bundled_model_dir=Path(environment["BUNDLED_MODEL_DIR"]),
        )
