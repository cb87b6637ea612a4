"""One local stack for all integration tests, on a port and in a folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.clips import wav
from tests.stack import LocalStack, free_port, up
from training.data.demo_sounds import siren


@pytest.fixture(scope="session")
def local_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that is up."""
    with up(tmp_path_factory.mktemp("local")) as stack:
        yield stack


@pytest.fixture
def second_stack(tmp_path: Path) -> Iterator[LocalStack]:
    """A stack that is not up yet; if a test leaves it up, it is stopped."""
    stack = LocalStack(tmp_path / "local", free_port())
    yield stack
    stack.run("down")


@pytest.fixture(scope="session")
def siren_wav() -> bytes:
    """Three seconds of a siren."""
    return wav(siren(3.0))


@pytest.fixture(autouse=True)
def _no_aws_account(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the tests' own clients from the settings of whoever runs them."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
