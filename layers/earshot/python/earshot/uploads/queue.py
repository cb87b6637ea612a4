"""The uploads queue, as its consumer and the sweep use it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from earshot.aws.errors import unavailable_on_failure
from earshot.uploads.objects import Upload

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Seconds until a message whose nth try failed is tried again. After the fifth failure
# (maxReceiveCount in the template) SQS moves it to the dead letter queue.
BACKOFF_S = (2, 10, 30, 60)


class UploadsQueue:
    """The queue of uploads that wait to be classified."""

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def return_message(self, receipt_handle: str, n_receives: int) -> None:
        """Make a message visible again after a time that grows with its tries.

        Without this, it comes back only after the queue's visibility timeout, which has to be
        longer than the longest classification.

        Args:
            receipt_handle: of the message.
            n_receives: how often it has been received, this time included.

        Raises:
            UnavailableError: SQS failed; the message comes back after its visibility timeout.
        """
        seconds = BACKOFF_S[n_receives - 1] if n_receives <= len(BACKOFF_S) else 0
        with unavailable_on_failure("The uploads queue"):
            self._sqs.change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt_handle, VisibilityTimeout=seconds
            )

    def announce(self, uploads: Sequence[Upload]) -> None:
        """Queue uploads as S3 itself announces them.

        Raises:
            UnavailableError: SQS failed; some may have been queued.
        """
        for upload in uploads:
            with unavailable_on_failure("The uploads queue"):
                self._sqs.send_message(
                    QueueUrl=self._url, MessageBody=json.dumps(_notification(upload))
                )


def _notification(upload: Upload) -> dict[str, object]:
    """An upload in the form of S3's notifications, whose keys are URL-encoded.

    Source: Amazon S3 User Guide, "Event message structure".
    """
    entry = {"key": quote_plus(upload.location.key), "size": upload.size, "eTag": upload.version}
    if upload.location.version_id:
        entry["versionId"] = upload.location.version_id
    bucket = {"name": upload.location.bucket}
    return {"Records": [{"eventSource": "aws:s3", "s3": {"bucket": bucket, "object": entry}}]}
