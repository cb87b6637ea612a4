"""Clips posted to a local stack."""

from __future__ import annotations

from typing import Any

from tests.clips import sweep
from tests.stack import LocalStack


def post_clip(stack: LocalStack) -> dict[str, Any]:
    answer = stack.request("POST", "/predict", sweep(), {"Content-Type": "audio/wav"})
    assert answer.status == 200, answer.data
    content: dict[str, Any] = answer.json()
    return content
