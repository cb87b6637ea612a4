"""What retrainings keep of a clip: its features in working files and in model versions."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.aws.versions import delete_versions
from earshot.model.version_files import RUNS_PREFIX
from earshot.retraining.steps import BATCHES_NAME, FEATURES_FOLDER

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MODELS_PREFIX = "models/"
# An empty object for each clip whose features no later version may take over.
ERASED_PREFIX = f"{MODELS_PREFIX}erased/"
DATASET_NAME = "dataset.json"


class TrainingTraces:
    """Features of clips in the models bucket.

    Every method raises `UnavailableError` where S3 fails.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def erase(self, clip_id: str) -> list[str]:
        """Delete a corrected clip's features, and keep later versions from taking them over.

        The working files that hold them are deleted. A version's own files are sealed by its
        manifest, so those that hold the clip's features keep them until the version is deleted.

        Returns:
            These versions.
        """
        with unavailable_on_failure("The models bucket"):
            self._s3.put_object(Bucket=self._bucket, Key=f"{ERASED_PREFIX}{clip_id}", Body=b"")
        for run in self._folders(RUNS_PREFIX):
            for batch in json.loads(self._read(f"{run}{BATCHES_NAME}") or b"[]"):
                if clip_id in json.dumps([batch["clips"], batch["backgrounds"]]):
                    name = f"{run}{FEATURES_FOLDER}{batch['index']:06}.npz"
                    delete_versions(self._s3, self._bucket, name)
        return [
            version.removeprefix(MODELS_PREFIX).rstrip("/")
            for version in self._folders(MODELS_PREFIX)
            if clip_id.encode() in (self._read(f"{version}{DATASET_NAME}") or b"")
        ]

    def erased(self) -> set[str]:
        """Ids of the clips whose features no later version may take over."""
        with unavailable_on_failure("The models bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=ERASED_PREFIX
            )
            return {
                entry["Key"].removeprefix(ERASED_PREFIX)
                for page in pages
                for entry in page.get("Contents", [])
            }

    def _folders(self, prefix: str) -> list[str]:
        with unavailable_on_failure("The models bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            found: list[Any] = [one for page in pages for one in page.get("CommonPrefixes", [])]
        return [one["Prefix"] for one in found]

    def _read(self, key: str) -> bytes | None:
        with unavailable_on_failure("The models bucket"):
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] in {"NoSuchKey", "404"}:
                    return None
                raise
