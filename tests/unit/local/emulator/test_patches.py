"""Each patch to ministack is still needed, and does what it is for.

A test of `TestStillNeeded` that fails says that ministack has changed: remove that patch from
`local/emulator/patches.py`. All of them run on ministack as it is installed, without any patch.
"""

from __future__ import annotations

import importlib.metadata
import queue
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import ministack
import pytest
from ministack.core import iam_actions, lambda_runtime
from ministack.services import dynamodb, lambda_svc

from local.emulator import patches
from local.emulator.patches import PATCHES
from local.settings import REPOSITORY
from tests.unit.local.emulator.test_storage_patches import (
    BATCH,
    ONLY_NEW,
    ROW,
    VALUES,
    body_in_memory,
    evaluate,
)


class TestStillNeeded:
    def test_every_patch_has_a_test(self) -> None:
        tests = {name.removeprefix("test_needed_") for name in vars(TestStillNeeded)}
        assert {patch.name for patch in PATCHES} <= tests

    def test_needed_nagle(self) -> None:
        worker = SimpleNamespace()
        handler = lambda_runtime.ProvidedWorker._build_handler_class(worker, 0, queue.Queue())
        assert not handler.disable_nagle_algorithm

    def test_needed_log_waits(self) -> None:
        silent: Any = SimpleNamespace(_stderr_queue=queue.Queue())
        began = time.monotonic()
        lambda_runtime.Worker._drain_stderr_bounded(silent)
        assert time.monotonic() - began > 5 * patches.LOG_WAITS_S[0]

    def test_needed_slow_starts(self) -> None:
        assert lambda_runtime._PROVIDED_INIT_TIMEOUT < patches.INIT_TIMEOUT_S

    def test_needed_turns(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(lambda_svc, "_ACCOUNT_CONCURRENCY_CAP", 1)
        config = {"FunctionName": "f", "FunctionArn": "arn:aws:lambda:us-east-1:1:function:f"}
        slot, _ = lambda_svc._acquire_execution_slot({}, config)
        try:
            assert slot is not None
            assert lambda_svc._acquire_execution_slot({}, config) == (None, "account")
        finally:
            lambda_svc._release_execution_slot(slot)

    def test_needed_retry_after(self) -> None:
        refused = lambda_svc._throttle_response("ConcurrentInvocationLimitExceeded", "busy")
        answer, _ = lambda_svc.lambda_execute_result_to_api_proxy_response(refused)
        assert "Retry-After" not in answer["headers"]

    def test_needed_queries(self, monkeypatch: pytest.MonkeyPatch) -> None:
        tokenize = Mock(wraps=dynamodb._tokenize)
        monkeypatch.setattr(dynamodb, "_tokenize", tokenize)
        for _ in range(3):
            assert evaluate(VALUES, ROW) is True
        assert tokenize.call_count >= 3, "an expression is parsed once now"

    def test_needed_stream_failures(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert position_after_a_failed_record(monkeypatch) == 1, "the record is not passed over now"

    def test_needed_streams_apart(self) -> None:
        assert "_poll_dynamodb_streams" in lambda_svc._poll_loop.__code__.co_names

    def test_needed_wake_gap(self) -> None:
        assert lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS > patches.WAKE_GAP_S

    def test_needed_batch_projections(self) -> None:
        assert "dynamodb:Attributes" not in iam_actions.dynamodb_service_context(BATCH)

    def test_needed_conditional_writes(self) -> None:
        context = iam_actions._s3_object_context("s3:PutObject", {}, "/bucket/key", ONLY_NEW)
        assert "s3:if-none-match" not in context

    def test_needed_absent_fields(self) -> None:
        assert not lambda_svc._match_esm_filter({"status": "a"}, NO_ARCHIVE)

    def test_needed_version_bodies(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        assert body_in_memory(monkeypatch, tmp_path) == b"body"


def test_a_stream_that_takes_long_holds_up_no_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    polled, ended, queues = threading.Event(), threading.Event(), []

    def poll() -> bool:
        polled.set()
        ended.wait(60)
        return False

    monkeypatch.setattr(lambda_svc, "_poll_dynamodb_streams", poll)
    monkeypatch.setattr(lambda_svc, "_ensure_poller", lambda: queues.append("started"))
    patches.poll_streams_apart()
    for _ in range(2):
        lambda_svc._ensure_poller()
    assert polled.wait(20)
    assert lambda_svc._poll_dynamodb_streams() is False, "the loop of queues has nothing to do here"
    assert queues == ["started", "started"]
    ended.set()


def test_a_field_within_an_absent_field_does_not_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_svc, "_match_esm_filter", lambda_svc._match_esm_filter)
    patches.filter_absent_fields()
    assert lambda_svc._match_esm_filter({"status": "a"}, NO_ARCHIVE)
    assert not lambda_svc._match_esm_filter({"status": "a", "archive": {"S": "x"}}, NO_ARCHIVE)
    assert not lambda_svc._match_esm_filter({"status": "b"}, NO_ARCHIVE)


NO_ARCHIVE = {"status": ["a"], "archive": {"S": [{"exists": False}]}}
STREAM = "arn:aws:dynamodb:us-east-1:000000000000:table/results/stream/2026"


def position_after_a_failed_record(
    monkeypatch: pytest.MonkeyPatch, *, patched: bool = False
) -> int:
    """Where the emulator reads on after a function reported a stream's only record as failed."""
    mapping = {
        "UUID": "m",
        "EventSourceArn": STREAM,
        "FunctionName": "alert",
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
    }
    record = {"dynamodb": {"SequenceNumber": "1"}}
    failures = {"batchItemFailures": [{"itemIdentifier": "1"}]}
    positions = {"m": 0}
    for module, name, value in (
        (lambda_svc, "_iter_all_esms", lambda: [("000000000000", "us-east-1", mapping)]),
        (lambda_svc, "_get_func_record_for_qualifier", lambda *_: ({}, {})),
        (lambda_svc, "_execute_function", lambda *_: {"body": failures}),
        (lambda_svc, "_dynamodb_stream_positions", positions),
        (lambda_svc, "_esm_backoff_until", {}),
        (lambda_svc, "_poll_dynamodb_streams", lambda_svc._poll_dynamodb_streams),
        (dynamodb, "_tables", {"results": {"LatestStreamArn": STREAM}}),
        (dynamodb, "stream_start_position", lambda _: 0),
        (dynamodb, "stream_end_position", lambda _: 1),
        (dynamodb, "stream_records_since", lambda *_: [record]),
    ):
        monkeypatch.setattr(module, name, value)
    if patched:
        patches.retry_failed_stream_records()
    lambda_svc._poll_dynamodb_streams()
    return positions["m"]


def test_a_failed_stream_record_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    assert position_after_a_failed_record(monkeypatch, patched=True) == 0


def test_installed_ministack_is_the_known_one() -> None:
    patches.require_known_ministack()


def test_other_ministack_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    with pytest.raises(SystemExit, match=r"9\.9\.9 is installed.*make setup"):
        patches.require_known_ministack()


def test_any_ministack_will_do_to_try_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.metadata, "version", lambda _: "9.9.9")
    monkeypatch.setenv("EMULATOR", "newest")
    patches.require_known_ministack()


def test_the_text_for_its_authors_is_against_the_installed_release(tmp_path: Path) -> None:
    diff = REPOSITORY / "docs" / "decisions" / "0009-emulator.diff"
    files = re.findall(r"^--- a/(.+)$", diff.read_text(), re.MULTILINE)
    assert len(files) == 4
    for file in files:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(Path(ministack.__file__).parents[1] / file, tmp_path / file)
    apply = ["git", "apply", "--check", "--unidiff-zero", str(diff)]
    subprocess.run(apply, cwd=tmp_path, check=True)


# In a process of its own, because the patches cannot be undone.
PATCHED = """
import queue
from types import SimpleNamespace
from local.emulator.patches import PATCHES
from ministack.core import lambda_runtime
from ministack.services import lambda_svc
for patch in PATCHES:
    patch.apply()
handler = lambda_runtime.ProvidedWorker._build_handler_class(SimpleNamespace(), 0, queue.Queue())
refused = lambda_svc._throttle_response("ConcurrentInvocationLimitExceeded", "busy")
answer, _ = lambda_svc.lambda_execute_result_to_api_proxy_response(refused)
print(
    handler.disable_nagle_algorithm,
    lambda_runtime.ProvidedWorker._drain_stderr_bounded.__defaults__,
    lambda_runtime._PROVIDED_INIT_TIMEOUT,
    answer["headers"]["Retry-After"],
    type(lambda_svc._release_execution_slot.__self__).__name__,
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS,
)
"""


def test_patches_take_effect() -> None:
    run = subprocess.run(
        [sys.executable, "-c", PATCHED], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    waits, init = patches.LOG_WAITS_S, patches.INIT_TIMEOUT_S
    after, gap = patches.RETRY_AFTER_S, patches.WAKE_GAP_S
    assert run.stdout.strip() == f"True {waits} {init} {after} Turns {gap}"
