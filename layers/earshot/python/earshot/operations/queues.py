"""Depths of SQS queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from earshot.aws.errors import unavailable_on_failure

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class SqsQueues:
    """Queues by the names that they are reported under.

    Args:
        sqs: client.
        urls: of the queues.
    """

    def __init__(self, sqs: SQSClient, urls: Mapping[str, str]) -> None:
        self._sqs = sqs
        self._urls = urls

    def depths(self) -> dict[str, int]:
        """Messages of each queue, whether they wait or are being worked on; approximate.

        Raises:
            UnavailableError: SQS failed.
        """
        with unavailable_on_failure("The queue of uploads"):
            return {name: self._depth(url) for name, url in self._urls.items()}

    def _depth(self, url: str) -> int:
        answer = self._sqs.get_queue_attributes(
            QueueUrl=url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )
        return sum(int(number) for number in answer["Attributes"].values())
