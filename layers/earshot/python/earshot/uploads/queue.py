"""The uploads queue, as its consumer uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from earshot.aws.errors import unavailable_on_failure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

# Seconds until a message whose nth try failed is tried again. After the fifth failure
# (maxReceiveCount in the template) SQS moves it to the dead letter queue.
BACKOFF_S = (2, 10, 30, 60)


class UploadsQueue:
    """Returns failed messages to the queue.

    Without this, a message comes back only after the queue's visibility timeout, which has to be
    longer than the longest classification.
    """

    def __init__(self, sqs: SQSClient, url: str) -> None:
        self._sqs = sqs
        self._url = url

    def return_message(self, receipt_handle: str, n_receives: int) -> None:
        """Make a message visible again after a time that grows with its tries.

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
