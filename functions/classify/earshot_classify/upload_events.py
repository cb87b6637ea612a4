"""Uploads that a message announces: S3's own events, or within those of SNS and EventBridge."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote_plus

from earshot.uploads.objects import Location, Upload

_MAX_WRAPPINGS = 3  # EventBridge, SNS and what is inside


class UnknownMessageError(ValueError):
    """A message that announces no upload; the queue keeps it and then sets it aside."""


def announced_uploads(body: str) -> list[Upload]:
    """Uploads that the body of an SQS message announces; none for S3's test event.

    Raises:
        UnknownMessageError: it is of another shape.
    """
    try:
        found = list(_uploads(json.loads(body), _MAX_WRAPPINGS))
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise UnknownMessageError(f"The message announces no upload: {error!r}") from error
    # The S3 console makes a folder by putting an empty object with such a name.
    return [upload for upload in found if not upload.location.key.endswith("/")]


def _uploads(message: dict[str, Any], wrappings: int) -> Iterator[Upload]:
    if message.get("Event") == "s3:TestEvent":  # sent when notifications are set up
        return
    if message.get("Type") == "Notification" and wrappings:
        yield from _uploads(json.loads(message["Message"]), wrappings - 1)
    elif "detail" in message:
        yield _bridged(message["detail"])
    elif message["Records"]:
        for record in message["Records"]:
            yield _notified(record["s3"])
    else:
        raise UnknownMessageError("its list of records is empty")


def _notified(s3: dict[str, Any]) -> Upload:
    """Upload of an S3 event record, whose keys are URL-encoded."""
    entry = s3["object"]
    version_id = entry.get("versionId")
    return Upload(
        location=Location(s3["bucket"]["name"], unquote_plus(entry["key"]), version_id),
        version=version_id or entry["eTag"],
        size=entry["size"],
    )


def _bridged(detail: dict[str, Any]) -> Upload:
    """Upload of an EventBridge event of S3, whose keys are as they are."""
    entry = detail["object"]
    version_id = entry.get("version-id")
    return Upload(
        location=Location(detail["bucket"]["name"], entry["key"], version_id),
        version=version_id or entry["etag"],
        size=entry["size"],
    )
