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
from typing import Any

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import ModelError, NotFoundError
from earshot.model.models_bucket import ModelsBucket
from earshot.model.versions import (
    DECISION_NAME,
    MANIFEST_NAME,
    METRICS_NAME,
    VERSION_PATTERN,
    YAMNET_MEMBER,
    Champion,
    Version,
    sha256_hex,
)
from earshot.times import format_time

PREFIX = "models/"
CLAIM_NAME = "claim.json"
OUTCOME_NAME = "outcome.json"
# Where a retraining's own files lie, among them the name of the version that it has claimed.
RUNS_PREFIX = "retraining/"
VERSION_NAME = "version.json"

_VERSION = re.compile(VERSION_PATTERN)


class VersionFiles(ModelsBucket):
    """Files of the model versions of one bucket.

    Every method raises `UnavailableError` where S3 fails.
    """

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

    def add_file(self, version: str, name: str, content: bytes) -> None:
        """Write one of a version's files for good; `publish` writes the manifest last.

        Raises:
            ConflictError: the version has another file of this name.
        """
        self._write_unchanged(_key(version, name), content)

    def has_file(self, version: str, name: str) -> bool:
        """Whether a version, finished or not, has a file."""
        return self.exists(_key(version, name))

    def publish_folder(self, folder: Path, flatbuffer: bytes) -> Champion:
        """Publish the version that lies in a folder, under the name its manifest gives it.

        Args:
            folder: of the version.
            flatbuffer: of the YAMNet that it was trained with, which the manifest then names.
        """
        files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        manifest = json.loads(files[MANIFEST_NAME]) | {YAMNET_MEMBER: self.keep_yamnet(flatbuffer)}
        files[MANIFEST_NAME] = json.dumps(manifest, indent=2).encode()
        return self.publish(manifest["version"], files)

    def record_outcome(self, version: str, outcome: Mapping[str, Any]) -> None:
        """Write down how a version's retraining ended; once."""
        self._write_unchanged(_key(version, OUTCOME_NAME), json.dumps(outcome, indent=2).encode())

    def versions(self) -> list[str]:
        """Names of the finished versions, newest first.

        By the time when each was finished, which is its manifest's, so that none has to be read.
        """
        finished = []
        with unavailable_on_failure("The models bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=PREFIX
            )
            for page in pages:
                for entry in page.get("Contents", []):
                    name, _, file = entry["Key"].removeprefix(PREFIX).partition("/")
                    if file == MANIFEST_NAME and _VERSION.fullmatch(name):
                        finished.append((entry["LastModified"], _number(name), name))
        return [name for *_, name in sorted(finished, reverse=True)]

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
        """Numbers of the retrainings' versions that are finished or claimed."""
        return [number for number in map(_number, self._names()) if number]

    def _names(self) -> list[str]:
        """Names of the versions that are finished, claimed or about to be published."""
        names = []
        with unavailable_on_failure("The models bucket"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=PREFIX, Delimiter="/"
            )
            for page in pages:
                for entry in page.get("CommonPrefixes", []):
                    name = entry["Prefix"].removeprefix(PREFIX).removesuffix("/")
                    if _VERSION.fullmatch(name):
                        names.append(name)
        return names

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


def _key(version: str, name: str) -> str:
    return f"{PREFIX}{version}/{name}"


def _number(version: str) -> int:
    """Of a retraining's version, such as 7 of ``v7``; 0 of a published one."""
    number = version.removeprefix("v")
    return int(number) if number.isdecimal() else 0
