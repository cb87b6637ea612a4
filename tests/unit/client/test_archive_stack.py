"""What the command `archive` prints about a run."""

from __future__ import annotations

import json

import pytest

from earshot_client.archive_stack import in_words


@pytest.mark.parametrize(
    ("cause", "words"),
    [
        (json.dumps({"errorMessage": "No such bucket", "stackTrace": ["a"]}), "No such bucket"),
        ("More than 1 % of the batches failed.", "More than 1 % of the batches failed."),
        ("[]", "[]"),
        ("", ""),
    ],
)
def test_a_failed_run_is_explained_without_a_stack_trace(cause: str, words: str) -> None:
    assert in_words(cause) == words
