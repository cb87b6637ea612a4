"""Settings of retraining: all that it takes from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of retraining.

    Attributes:
        models_bucket: name of the bucket of model versions and of the files of retrainings.
        uploads_bucket: name of the bucket of labeled clips.
    """

    models_bucket: str
    uploads_bucket: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
        """
        return cls(
            models_bucket=environment["MODELS_BUCKET"],
            uploads_bucket=environment["UPLOADS_BUCKET"],
        )
