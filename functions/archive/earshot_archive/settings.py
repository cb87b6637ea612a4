"""Settings of archive: all that it takes from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Settings of archive.

    Attributes:
        archives_bucket: name of the bucket of the files and results of archives.
        concurrency: batches classified at a time, unless an archive says otherwise.
    """

    archives_bucket: str
    concurrency: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings.

        Raises:
            KeyError: a variable is missing.
            ValueError: a number is none.
        """
        return cls(environment["ARCHIVES_BUCKET"], int(environment["ARCHIVE_CONCURRENCY"]))
