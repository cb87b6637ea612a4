"""Model versions in S3: ``models/<version>/…`` and the champion pointer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.adapters.errors import unavailable_on_failure

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CHAMPION_KEY = "models/champion.json"
METRICS_NAME = "metrics.json"


@dataclass(frozen=True)
class Champion:
    """The version that serves, and the SHA-256 its manifest must have."""

    version: str
    manifest_sha256: str


class ModelRegistry:
    """Model versions of one bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def champion(self) -> Champion | None:
        """The version that serves; None while none was ever promoted.

        Raises:
            UnavailableError: S3 failed.
        """
        pointer = self._get(CHAMPION_KEY)
        return None if pointer is None else Champion(**json.loads(pointer))

    def describe_champion(self) -> dict[str, Any] | None:
        """See `earshot.status.Models.describe_champion`."""
        champion = self.champion()
        if champion is None:
            return None
        metrics = self._get(_key(champion.version, METRICS_NAME))
        return {
            "version": champion.version,
            "manifest_sha256": champion.manifest_sha256,
            "metrics": None if metrics is None else json.loads(metrics),
        }

    def reader(self, version: str) -> Callable[[str], bytes]:
        """Function that reads one of a version's files by name; raises `UnavailableError`."""

        def read(name: str) -> bytes:
            with unavailable_on_failure("The models bucket"):
                response = self._s3.get_object(Bucket=self._bucket, Key=_key(version, name))
                return response["Body"].read()

        return read

    def publish(self, folder: Path) -> Champion:
        """Upload the model version that lies in `folder` and make it the champion."""
        from earshot.model import MANIFEST_NAME, sha256_hex  # numpy, which the API does without

        manifest = (folder / MANIFEST_NAME).read_bytes()
        champion = Champion(json.loads(manifest)["version"], sha256_hex(manifest))
        for file in sorted(folder.iterdir()):
            self._s3.put_object(
                Bucket=self._bucket, Key=_key(champion.version, file.name), Body=file.read_bytes()
            )
        pointer = {"version": champion.version, "manifest_sha256": champion.manifest_sha256}
        self._s3.put_object(
            Bucket=self._bucket, Key=CHAMPION_KEY, Body=json.dumps(pointer).encode()
        )
        return champion

    def _get(self, key: str) -> bytes | None:
        """Content of an object; None if there is none."""
        with unavailable_on_failure("The models bucket"):
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if error.response["Error"]["Code"] == "NoSuchKey":
                    return None
                raise


def _key(version: str, name: str) -> str:
    return f"models/{version}/{name}"
