"""The changes to ministack are still needed, and do what they are for.

A failure of `TestStock` says that ministack has changed: look whether the change in
`local/launcher.py` can go.
"""

from __future__ import annotations

import importlib.metadata
import inspect
import socketserver
import subprocess
import sys

import pytest
from ministack.core import lambda_runtime

from local import launcher
from local.settings import REPOSITORY


class TestStock:
    def test_delays_small_answers(self) -> None:
        assert socketserver.StreamRequestHandler.disable_nagle_algorithm is False
        handler = lambda_runtime.ProvidedWorker._build_handler_class
        assert "disable_nagle" not in inspect.getsource(handler)

    def test_waits_long_for_log_lines(self) -> None:
        waits = lambda_runtime.Worker._drain_stderr_bounded.__defaults__
        assert waits[0] > launcher.LOG_WAITS_SECONDS[0]
        assert len(waits) == len(launcher.LOG_WAITS_SECONDS)

    def test_gives_up_early_on_slow_starts(self) -> None:
        assert lambda_runtime._PROVIDED_INIT_TIMEOUT < launcher.INIT_TIMEOUT_SECONDS


def test_installed_ministack_is_the_known_one() -> None:
    launcher.require_known_ministack()


def test_other_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    with pytest.raises(SystemExit, match=r"9\.9\.9 is installed.*make setup"):
        launcher.require_known_ministack()


def test_changes_take_effect() -> None:
    # In a process of its own, because the changes cannot be undone.
    check = (
        "import socketserver; from local import launcher; from ministack.core import "
        "lambda_runtime as runtime; launcher.make_quick(); "
        "print(socketserver.StreamRequestHandler.disable_nagle_algorithm, "
        "runtime.ProvidedWorker._drain_stderr_bounded.__defaults__, "
        "runtime._PROVIDED_INIT_TIMEOUT)"
    )
    run = subprocess.run(
        [sys.executable, "-c", check], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    expected = f"True {launcher.LOG_WAITS_SECONDS} {launcher.INIT_TIMEOUT_SECONDS}"
    assert run.stdout.strip() == expected
