"""A failed message comes back soon, later after each failure, and in the end not at all."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from earshot.errors import UnavailableError
from earshot.uploads.queue import BACKOFF_S, UploadsQueue
from tests.unit.infrastructure.cloudformation import SAM


class Sqs:
    """Keeps what it was asked for."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.calls: list[dict[str, Any]] = []

    def change_message_visibility(self, **call: Any) -> None:
        if self.error:
            raise self.error
        self.calls.append(call)


@pytest.mark.parametrize(("n_receives", "seconds"), [(1, 2), (2, 10), (3, 30), (4, 60), (5, 0)])
def test_the_delay_grows_with_each_failure(n_receives: int, seconds: int) -> None:
    sqs: Any = Sqs()
    UploadsQueue(sqs, "https://queue").return_message("handle", n_receives)
    assert sqs.calls == [
        {"QueueUrl": "https://queue", "ReceiptHandle": "handle", "VisibilityTimeout": seconds}
    ]


def test_five_tries_take_minutes_and_then_the_dead_letter_queue_has_the_message() -> None:
    queue = SAM["Resources"]["UploadsQueue"]["Properties"]
    assert queue["RedrivePolicy"]["maxReceiveCount"] == len(BACKOFF_S) + 1
    assert sum(BACKOFF_S) < 300


def test_a_failing_queue_is_a_transient_fault() -> None:
    sqs: Any = Sqs(EndpointConnectionError(endpoint_url="https://sqs"))
    with pytest.raises(UnavailableError):
        UploadsQueue(sqs, "https://queue").return_message("handle", 1)
