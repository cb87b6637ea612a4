"""Files of model versions in S3: ``models/<version>/…``.

A version is written once and never again: each of its files with ``If-None-Match: *``, its
manifest last, so that a version without a manifest is one that was never finished.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import ConflictError, ModelError, NotFoundError
from earshot.model.versions import (
    DECISION_NAME,
    MANIFEST_NAME,
    METRICS_NAME,
    Champion,
    Version,
    sha256_hex,
)
from earshot.times import format_time

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "models/"
CLAIM_NAME = "claim.json"
OUTCOME_NAME = "outcome.json"
# Where a retraining's own files lie, among them the name of the version that it has claimed.
RUNS_PREFIX = "retraining/"
VERSION_NAME = "version.json"

_VERSION = re.compile(r"v([1-9][0-9]*)")
_MISSING = {"NoSuchKey", "404"}
# 412: the condition does not hold; 409: two conditional writes of one key met.
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class VersionFiles:
    """Files of the model versions of one bucket.

    Every method raises `UnavailableError` where S3 fails.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def reader(self, version: str) -> Callable[[str], bytes]:
        """Function that reads one of a version's files by name.

        It raises `ModelError` for a file that is not there.
        """

        def read(name: str) -> bytes:
            content = self._read(_key(version, name))
            if content is None:
                raise ModelError(f"{version} has no {name}")
            return content

        return read

    def verified_reader(self, champion: Champion) -> Callable[[str], bytes | None]:
        """Function that reads files of a version and verifies their digests.

        It gives None for a file that the manifest does not name, and raises `ModelError` for one
        that is missing or altered.

        Raises:
            ModelError: the manifest itself is missing or altered.
        """
        read = self.reader(champion.version)
        manifest = read(MANIFEST_NAME)
        if sha256_hex(manifest) != champion.manifest_sha256:
            raise ModelError(f"{MANIFEST_NAME} of {champion.version} was altered")
        try:
            digests: Mapping[str, str] = dict(json.loads(manifest)["files"])
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{MANIFEST_NAME} of {champion.version} names no files") from error

        def read_verified(name: str) -> bytes | None:
            if name not in digests:
                return None
            content = read(name)
            if sha256_hex(content) != digests[name]:
                raise ModelError(f"{name} of {champion.version} is not the one its manifest names")
            return content

        return read_verified

    def allocate(self, run: str) -> str:
        """Claim the next version for a retraining: no other can get the same.

        A retraining that asks again gets what it has already: the first claim that is written
        down with the run counts. One that a crash kept from being written down stays unused.
        """
        record = f"{RUNS_PREFIX}{run}/{VERSION_NAME}"
        known = self._read(record)
        if known is None:
            claimed = self._claim(run)
            if self._write_once(record, json.dumps({"version": claimed}).encode()):
                return claimed
            known = self._read(record) or b"{}"  # another attempt of this run was faster
        return str(json.loads(known)["version"])

    def publish(self, version: str, files: Mapping[str, bytes]) -> Champion:
        """Write a version for good.

        Args:
            version: such as `allocate` gave.
            files: content by name; the manifest, among them, is written last.

        Raises:
            ConflictError: the version exists and has other content.
        """
        for name in sorted(files, key=lambda name: (name == MANIFEST_NAME, name)):
            self._write_unchanged(_key(version, name), files[name])
        return Champion(version, sha256_hex(files[MANIFEST_NAME]))

    def publish_folder(self, folder: Path) -> Champion:
        """Publish the version that lies in a folder, under the name its manifest gives it."""
        files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        return self.publish(json.loads(files[MANIFEST_NAME])["version"], files)

    def record_outcome(self, version: str, outcome: Mapping[str, Any]) -> None:
        """Write down how a version's retraining ended; once."""
        self._write_unchanged(_key(version, OUTCOME_NAME), json.dumps(outcome, indent=2).encode())

    def versions(self) -> list[str]:
        """Names of the finished versions, newest first."""
        return [
            f"v{number}"
            for number in sorted(self._numbers(), reverse=True)
            if self._read(_key(f"v{number}", MANIFEST_NAME)) is not None
        ]

    def describe(self, version: str) -> Version:
        """A version with its metrics and decision.

        Raises:
            NotFoundError: there is no such version, or it was never finished.
        """
        manifest = self._read(_key(version, MANIFEST_NAME)) if _VERSION.fullmatch(version) else None
        if manifest is None:
            raise NotFoundError(f"There is no model version {version}.")
        return Version(
            name=version,
            manifest_sha256=sha256_hex(manifest),
            manifest=json.loads(manifest),
            metrics=self._json(version, METRICS_NAME) or {},
            decision=self._json(version, DECISION_NAME),
            outcome=self._json(version, OUTCOME_NAME),
        )

    def _numbers(self) -> list[int]:
        """Numbers of the versions that are finished or claimed."""
        numbers = []
        with unavailable_on_failure("The models bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=PREFIX, Delimiter="/"
            )
            for page in pages:
                for entry in page.get("CommonPrefixes", []):
                    name = entry["Prefix"].removeprefix(PREFIX).removesuffix("/")
                    if match := _VERSION.fullmatch(name):
                        numbers.append(int(match[1]))
        return numbers

    def _claim(self, run: str) -> str:
        number = max(self._numbers(), default=0)
        if number and self._claimed_by(number) == run:
            return f"v{number}"
        claim = json.dumps({"run": run, "at": format_time(datetime.now(UTC))}).encode()
        while True:
            number += 1
            if self._write_once(_key(f"v{number}", CLAIM_NAME), claim):
                return f"v{number}"

    def _claimed_by(self, number: int) -> str | None:
        claim = self._json(f"v{number}", CLAIM_NAME)
        return str(claim["run"]) if claim else None

    def _json(self, version: str, name: str) -> dict[str, Any] | None:
        content = self._read(_key(version, name))
        return json.loads(content) if content is not None else None

    def _read(self, key: str) -> bytes | None:
        with unavailable_on_failure("The models bucket"):
            try:
                return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            except ClientError as error:
                if is_missing(error):
                    return None
                raise

    def _write_once(self, key: str, content: bytes) -> bool:
        """Write an object that is not there yet; False if it is."""
        with unavailable_on_failure("The models bucket"):
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
            except ClientError as error:
                if is_lost_race(error):
                    return False
                raise
        return True

    def _write_unchanged(self, key: str, content: bytes) -> None:
        if not self._write_once(key, content) and self._read(key) != content:
            raise ConflictError(f"{key} exists and has other content; versions do not change.")


def is_missing(error: ClientError) -> bool:
    """Whether S3 answered that there is no such object."""
    return error.response["Error"]["Code"] in _MISSING


def is_lost_race(error: ClientError) -> bool:
    """Whether S3 refused a conditional write because another came first."""
    return error.response["Error"]["Code"] in _LOST


def _key(version: str, name: str) -> str:
    return f"{PREFIX}{version}/{name}"
