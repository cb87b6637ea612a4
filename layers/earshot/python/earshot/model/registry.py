"""The model registry: versions in S3, and the pointer to the champion.

The pointer ``models/champion.json`` names the version that serves. It is changed by one write with
``If-Match`` on what the writer had read; its history lies in the same document, so that no change
of champion can go unrecorded.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from earshot.aws.errors import unavailable_on_failure
from earshot.errors import ConflictError, ModelError, NotFoundError, PromotionRefusedError
from earshot.model.models_bucket import is_lost_race, is_missing, yamnet_key
from earshot.model.version_files import PREFIX, VersionFiles
from earshot.model.versions import (
    HEAD_NAME,
    MANIFEST_NAME,
    METRICS_NAME,
    YAMNET_MEMBER,
    Champion,
    Pointer,
    Promotion,
    Version,
    sha256_hex,
)
from earshot.times import whole_milliseconds

CHAMPION_KEY = f"{PREFIX}champion.json"
# Enough to roll back to anything sensible; the bucket's own versions of the pointer hold the rest.
HISTORY_LENGTH = 100


class ModelRegistry(VersionFiles):
    """Model versions of one bucket, and which of them is the champion.

    Every method raises `UnavailableError` where S3 fails.
    """

    def pointer(self) -> Pointer | None:
        """The champion pointer; None while no version was ever promoted.

        Raises:
            ModelError: the pointer is not what this software writes.
        """
        with unavailable_on_failure("The models bucket"):
            try:
                response = self._s3.get_object(Bucket=self._bucket, Key=CHAMPION_KEY)
            except ClientError as error:
                if is_missing(error):
                    return None
                raise
            body = response["Body"].read()
        try:
            document = json.loads(body)
            history = tuple(Promotion.from_json(entry) for entry in document["history"])
            requests = dict(document.get("requests", {}))
        except Exception as error:  # whatever it holds instead
            raise ModelError(f"{CHAMPION_KEY} cannot be read: {error!r}") from error
        if not history:
            raise ModelError(f"{CHAMPION_KEY} names no champion: its history is empty")
        return Pointer(response["ETag"], history, requests)

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

    def share_champion(self, lifetime: timedelta) -> dict[str, Any] | None:
        """The champion with presigned addresses of the files that serve; None if there is none.

        Raises:
            ModelError: its manifest is missing or altered.
        """
        champion = self.champion()
        if champion is None:
            return None
        manifest = self.reader(champion.version)(MANIFEST_NAME)
        if sha256_hex(manifest) != champion.manifest_sha256:
            raise ModelError(f"{MANIFEST_NAME} of {champion.version} was altered")
        yamnet = json.loads(manifest).get(YAMNET_MEMBER)
        names = (MANIFEST_NAME, HEAD_NAME)
        return {
            "version": champion.version,
            "manifest_sha256": champion.manifest_sha256,
            "files": [
                {"name": name, "url": self._link(f"{PREFIX}{champion.version}/{name}", lifetime)}
                for name in names
            ],
            "yamnet": yamnet
            and {"sha256": yamnet, "url": self._link(yamnet_key(yamnet), lifetime)},
        }

    def promote(
        self,
        version: str,
        *,
        by: str,
        reason: str,
        force: bool = False,
        instead_of: Champion | None = None,
        request: str | None = None,
    ) -> Promotion:
        """Make a version the champion, by one conditional write.

        A version can serve that passed the gate or has served before, so a rollback is the
        promotion of an earlier champion. All its files are checked against its manifest first.
        The champion itself stays as it is, with the promotion that it has.

        Args:
            version: to promote.
            by: person or state machine.
            reason: for the record.
            force: promote a version that did not pass the gate; for an operator. It is recorded.
            instead_of: the champion that the version was compared with; another one that serves
                by now is a conflict. None leaves that open, as for a rollback.
            request: key of the request: sent again, it changes nothing, though somebody may have
                rolled back in between.

        Raises:
            ConflictError: the champion changed meanwhile.
            ModelError: a file of the version is missing or altered.
            NotFoundError: there is no such version.
            PromotionRefusedError: it did not pass the gate, and `force` is not set.
        """
        candidate = self.describe(version)
        pointer = self.pointer()
        history = pointer.history if pointer else ()
        if pointer and request and (made := pointer.promotion_of(request)):
            return made
        if instead_of is not None and (not pointer or pointer.champion != instead_of):
            now_serves = pointer.champion.version if pointer else "none"
            raise ConflictError(
                f"{version} was compared with {instead_of.version}, but by now {now_serves} is "
                "the champion. Retrain to compare with that one."
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
            whole_milliseconds(datetime.now(UTC)),
            by,
            reason,
            forced=bool(history) and not (passed or served),
        )
        self._write_pointer([promotion, *history][:HISTORY_LENGTH], pointer, request)
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

    def _verify(self, champion: Champion, version: Version) -> None:
        read = self.verified_reader(champion)
        for name in version.manifest["files"]:
            read(name)

    def _write_pointer(
        self, history: Sequence[Promotion], read: Pointer | None, request: str | None
    ) -> None:
        entries = [entry.to_json() for entry in history]
        requests = {**(read.requests if read else {})}
        if request:
            requests[request] = entries[0]["promoted_at"]
        times = {entry["promoted_at"] for entry in entries}
        kept = {key: time for key, time in requests.items() if time in times}
        body = json.dumps({"history": entries, "requests": kept}, indent=2).encode()
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
                if is_lost_race(error):
                    raise ConflictError(
                        "Another version was promoted at the same moment. Look at that one, "
                        "then promote again if it should still be replaced."
                    ) from error
                raise

    def _link(self, key: str, lifetime: timedelta) -> str:
        return self._s3.generate_presigned_url(
            "get_object",
            Params={"Bucket": self._bucket, "Key": key},
            ExpiresIn=int(lifetime.total_seconds()),
        )


def _why_not(version: Version) -> str:
    if version.decision is None:
        why = "has not been through the gate"
    else:
        failed = [check["reason"] for check in version.decision["checks"] if not check["passed"]]
        why = f"did not pass the gate ({'; '.join(failed)})"
    return f"{version.name} {why}. An operator can promote it with force, which is recorded."
