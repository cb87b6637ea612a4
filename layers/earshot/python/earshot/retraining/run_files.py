"""Working files of a retraining in S3: ``retraining/<run>/…`` in the models bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import NotFoundError
from earshot.model.version_files import RUNS_PREFIX

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class RunFiles:
    """Files of all retrainings; every method raises `UnavailableError` where S3 fails."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def key(self, run: str, name: str) -> str:
        """Key of a file, for the state machine."""
        return f"{RUNS_PREFIX}{run}/{name}"

    def write(self, run: str, name: str, content: bytes) -> None:
        """Write a file, or overwrite it: a step that is tried again does the same again."""
        with unavailable_on_failure("The models bucket"):
            self._s3.put_object(Bucket=self.bucket, Key=self.key(run, name), Body=content)

    def read(self, run: str, name: str) -> bytes:
        """Content of a file.

        Raises:
            NotFoundError: it is not there (yet).
        """
        with unavailable_on_failure("The models bucket"):
            try:
                return self._s3.get_object(Bucket=self.bucket, Key=self.key(run, name))[
                    "Body"
                ].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                    raise NotFoundError(f"The retraining {run} has no {name}.") from error
                raise

    def names(self, run: str, folder: str) -> list[str]:
        """Names of the files in one of the run's folders, such as ``features/``, in order."""
        prefix = self.key(run, folder)
        with unavailable_on_failure("The models bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.bucket, Prefix=prefix
            )
            return [
                entry["Key"].removeprefix(self.key(run, ""))
                for page in pages
                for entry in page.get("Contents", [])
            ]

    def write_json(self, run: str, name: str, document: Any) -> None:
        """Write a JSON file."""
        self.write(run, name, json.dumps(document, indent=2).encode())

    def read_json(self, run: str, name: str) -> Any:
        """Document of a JSON file; raises `NotFoundError`."""
        return json.loads(self.read(run, name))
