"""Unit tests reach no network: a socket that is opened fails the test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import pytest
import pytest_socket

os.environ["POWERTOOLS_METRICS_NAMESPACE"] = "Earshot/unit-tests"  # before Powertools is imported
hypothesis.settings.register_profile("untimed", deadline=None)  # machines differ
hypothesis.settings.load_profile("untimed")

# Lambda puts a function's own folder on the path.
FUNCTIONS = Path(__file__).parents[2] / "functions"
sys.path[:0] = [
    str(FUNCTIONS / name)
    for name in ("classify", "api", "alert", "archive", "retraining", "sweep", "training")
]


@pytest.fixture(autouse=True)
def _no_network() -> None:
    pytest_socket.disable_socket(allow_unix_socket=True)


@pytest.fixture(autouse=True)
def _no_aws_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
