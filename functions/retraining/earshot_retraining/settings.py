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
        state_machine_arn: of the retraining, which is asked whether another run is under way.
    """

    models_bucket: str
    uploads_bucket: str
    state_machine_arn: str

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
        """
        return cls(
            models_bucket=environment["MODELS_BUCKET"],
            uploads_bucket=environment["UPLOADS_BUCKET"],
            state_machine_arn=environment["STATE_MACHINE_ARN"],
        )
