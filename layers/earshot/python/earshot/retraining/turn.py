"""One retraining at a time: which one has the turn is written in the models bucket.

The file changes by conditional writes, so two that start together cannot both have it. A run that
ended without giving its turn back, because it was stopped or ran out of time, holds up no other:
Step Functions says that it does not run any more.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import RetrainingRefusedError, UnavailableError
from earshot.model.models_bucket import is_lost_race, is_missing
from earshot.model.version_files import RUNS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TURN_KEY = f"{RUNS_PREFIX}running.json"
_ATTEMPTS = 5


class Turn:
    """Whose turn it is; every method raises `UnavailableError` where AWS fails.

    Args:
        s3: client.
        bucket: of the models.
        runs: whether a run's execution is under way.
    """

    def __init__(self, s3: S3Client, bucket: str, runs: Callable[[str], bool]) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._runs = runs

    def take(self, run: str) -> None:
        """Take the turn for a run; one that has it keeps it.

        Raises:
            RetrainingRefusedError: another run has it and is under way; the message names it.
        """
        for _ in range(_ATTEMPTS):
            holder, etag = self._read()
            if holder == run:
                return
            if holder and self._runs(holder):
                raise RetrainingRefusedError(
                    f"The retraining {holder} is under way, and there is one at a time. "
                    "Start this one again when it has ended."
                )
            if self._write(run, etag):
                return
        raise UnavailableError("Many retrainings start at the same moment; trying again may help.")

    def give_back(self, run: str) -> None:
        """Let the next run take the turn, if this one has it."""
        holder, etag = self._read()
        if holder == run:
            self._write(None, etag)  # a race is lost only to a run that took it over

    def _read(self) -> tuple[str | None, str | None]:
        """Who has the turn, and the ETag of what says so; None where there is none."""
        with unavailable_on_failure("The models bucket"):
            try:
                found = self._s3.get_object(Bucket=self._bucket, Key=TURN_KEY)
            except ClientError as error:
                if is_missing(error):
                    return None, None
                raise
            body = found["Body"].read()
        try:
            holder = json.loads(body)["run"]
        except (ValueError, KeyError, TypeError):
            holder = None
        return holder, found["ETag"]

    def _write(self, run: str | None, etag: str | None) -> bool:
        condition: dict[str, Any] = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        body = json.dumps({"run": run}).encode()
        with unavailable_on_failure("The models bucket"):
            try:
                self._s3.put_object(Bucket=self._bucket, Key=TURN_KEY, Body=body, **condition)
            except ClientError as error:
                if is_lost_race(error):
                    return False
                raise
        return True
