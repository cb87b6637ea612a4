"""The command line, with an API that lives in memory."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from earshot_client.cli import commands
from earshot_client.cli.access import Access
from tests.unit.client.served_api import Api, client_of


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def run(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    monkeypatch.setattr(Access, "client", lambda _: client_of(api))

    def run(*arguments: object) -> Any:
        with pytest.raises(SystemExit) as end:
            commands.cli.main([str(argument) for argument in arguments], prog_name="earshot")
        said = capsys.readouterr()
        return SimpleNamespace(exit_code=end.value.code, stdout=said.out, stderr=said.err)

    return run
