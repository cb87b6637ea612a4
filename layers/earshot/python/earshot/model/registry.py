"""Model versions in S3: ``models/<version>/…`` and the champion pointer.

A version is written once and never again: each of its files with ``If-None-Match: *``, its
manifest last, so that a version without a manifest is one that was never finished. The pointer
``models/champion.json`` names the version that serves. It is changed by one write with
``If-Match`` on what the writer had read; its history lies in the same document, so that no
change of champion can go unrecorded.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import ConflictError, ModelError, NotFoundError, PromotionRefusedError
from earshot.model.versions import (
    DECISION_NAME,
    MANIFEST_NAME,
    METRICS_NAME,
    Champion,
    Pointer,
    Promotion,
    Version,
    sha256_hex,
)

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

PREFIX = "models/"
CHAMPION_KEY = f"{PREFIX}champion.json"
CLAIM_NAME = "claim.json"
OUTCOME_NAME = "outcome.json"
# Enough to roll back to anything sensible; the bucket's own versions of the pointer hold the rest.
HISTORY_LENGTH = 100

_VERSION = re.compile(r"v([1-9][0-9]*)")
_MISSING = {"NoSuchKey", "404"}
# 412: the condition does not hold; 409: two conditional writes of one key met.
_LOST = {"PreconditionFailed", "ConditionalRequestConflict", "412", "409"}


class ModelRegistry:
    """Model versions of one bucket.

    Every method raises `UnavailableError` where S3 fails.
    """

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def pointer(self) -> Pointer | None:
        """The champion pointer; None while no version was ever promoted.

        Raises:
            ModelError: the pointer is not what this software writes.
        """
        with unavailable_on_failure("The models bucket"):
            try:
                response = self._s3.get_object(Bucket=self._bucket, Key=CHAMPION_KEY)
            except ClientError as error:
                if _code(error) in _MISSING:
                    return None
                raise
            body = response["Body"].read()
        try:
            history = tuple(Promotion(**entry) for entry in json.loads(body)["history"])
            return Pointer(response["ETag"], history)
        except (ValueError, KeyError, TypeError) as error:
            raise ModelError(f"{CHAMPION_KEY} cannot be read: {error!r}") from error

    def champion(self) -> Champion | None:
        """The version that serves; None while none was ever promoted."""
        pointer = self.pointer()
        return pointer.champion if pointer else None

    def describe_champion(self) -> dict[str, Any] | None:
        """Version, manifest hash and held-out metrics of the champion; None if there is none."""
        champion = self.champion()
        if champion is None:
            return None
        return {
            "version": champion.version,
            "manifest_sha256": champion.manifest_sha256,
            "metrics": self._json(champion.version, METRICS_NAME),
        }

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
        """Function that reads files of a version and vouches for them.

        It gives None for a file that the manifest does not name, and raises `ModelError` for one
        that is missing or altered.

        Raises:
            ModelError: the manifest itself is missing or altered.
        """
        read = self.reader(champion.version)
        manifest = read(MANIFEST_NAME)
        if sha256_hex(manifest) != champion.manifest_sha256:
            raise ModelError(f"{MANIFEST_NAME} of {champion.version} was altered")
        digests = json.loads(manifest)["files"]

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

        A retraining that asks again, because its answer was lost, gets what it has already.
        """
        number = max(self._numbers(), default=0)
        if number and self._claimed_by(number) == run:
            return f"v{number}"
        claim = json.dumps({"run": run, "at": _now()}).encode()
        while True:
            number += 1
            if self._write_once(_key(f"v{number}", CLAIM_NAME), claim):
                return f"v{number}"
            if self._claimed_by(number) == run:
                return f"v{number}"

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

    def promote(
        self,
        version: str,
        *,
        by: str,
        reason: str,
        force: bool = False,
        instead_of: Champion | None = None,
    ) -> Promotion:
        """Make a version the champion, by one conditional write.

        A version may serve that the gate let pass or that has served before; so a rollback is the
        promotion of an earlier champion. All its files are checked against its manifest first.
        The champion itself stays as it is, with the promotion that it has.

        Args:
            version: to promote.
            by: person or state machine.
            reason: in that one's words.
            force: promote what the gate did not let pass; for an operator. It is recorded.
            instead_of: the champion that the version was judged against; another one that serves
                by now is a conflict. None leaves that open, as for a rollback.

        Raises:
            ConflictError: the champion changed meanwhile.
            ModelError: a file of the version is missing or altered.
            NotFoundError: there is no such version.
            PromotionRefusedError: the gate has not let it pass, and `force` is not set.
        """
        candidate = self.describe(version)
        pointer = self.pointer()
        history = pointer.history if pointer else ()
        if instead_of is not None and (not pointer or pointer.champion != instead_of):
            now_serves = pointer.champion.version if pointer else "none"
            raise ConflictError(
                f"{version} was judged against {instead_of.version}, but by now {now_serves} is "
                "the champion. Retrain to have it judged against that one."
            )
        champion = Champion(candidate.name, candidate.manifest_sha256)
        served = any(entry.champion == champion for entry in history)
        passed = bool(candidate.decision and candidate.decision["promote"])
        if history and not (passed or served or force):
            raise PromotionRefusedError(_why_not(candidate))
        self._verify(champion, candidate)
        if history and history[0].champion == champion:
            return history[0]
        promotion = Promotion(
            champion.version,
            champion.manifest_sha256,
            _now(),
            by,
            reason,
            forced=bool(history) and not (passed or served),
        )
        self._write_pointer([promotion, *history], pointer)
        return promotion

    def rollback(self, *, by: str, reason: str) -> Promotion:
        """Promote the version that served before the present one.

        Raises:
            NotFoundError: no other version ever served.
            ConflictError, ModelError: see `promote`.
        """
        pointer = self.pointer()
        history = pointer.history if pointer else ()
        for entry in history[1:]:
            if entry.champion != history[0].champion:
                return self.promote(
                    entry.version, by=by, reason=reason, instead_of=history[0].champion
                )
        raise NotFoundError("No other version has served before; there is nothing to go back to.")

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

    def _verify(self, champion: Champion, version: Version) -> None:
        read = self.verified_reader(champion)
        for name in version.manifest["files"]:
            read(name)

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
                if _code(error) in _MISSING:
                    return None
                raise

    def _write_once(self, key: str, content: bytes) -> bool:
        """Write an object that is not there yet; False if it is."""
        with unavailable_on_failure("The models bucket"):
            try:
                self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) in _LOST:
                    return False
                raise
        return True

    def _write_unchanged(self, key: str, content: bytes) -> None:
        if not self._write_once(key, content) and self._read(key) != content:
            raise ConflictError(f"{key} exists and has other content; versions do not change.")

    def _write_pointer(self, history: Iterable[Promotion], read: Pointer | None) -> None:
        document = {"history": [asdict(entry) for entry in history][:HISTORY_LENGTH]}
        body = json.dumps(document, indent=2).encode()
        with unavailable_on_failure("The models bucket"):
            try:
                if read is None:
                    self._s3.put_object(
                        Bucket=self._bucket, Key=CHAMPION_KEY, Body=body, IfNoneMatch="*"
                    )
                else:
                    self._s3.put_object(
                        Bucket=self._bucket, Key=CHAMPION_KEY, Body=body, IfMatch=read.etag
                    )
            except ClientError as error:
                if _code(error) in _LOST:
                    raise ConflictError(
                        "Another version was promoted at the same moment. Look at that one, "
                        "then promote again if it should still be replaced."
                    ) from error
                raise


def _why_not(version: Version) -> str:
    if version.decision is None:
        said = "was never judged by the gate"
    else:
        failed = [check["reason"] for check in version.decision["checks"] if not check["passed"]]
        said = f"was not let pass by the gate ({'; '.join(failed)})"
    return f"{version.name} {said}. An operator can promote it with force, which is recorded."


def _code(error: ClientError) -> str:
    return error.response["Error"]["Code"]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _key(version: str, name: str) -> str:
    return f"{PREFIX}{version}/{name}"
