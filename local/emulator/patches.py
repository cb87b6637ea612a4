"""Every change to a private member of ministack, with its reason, in `PATCHES`.

`local.emulator.launcher` applies them in the emulator's process. They hold for one version of
ministack, so another version does not start. `tests/unit/local/emulator/test_patches.py` has a
test for each that fails as soon as the installed ministack does not need the patch any more.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import socketserver
import threading
from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.emulator.log_lines import drain_quickly
from local.emulator.storage_patches import (
    forget_bodies_of_versions,
    query_quickly,
    see_batch_projections,
    see_conditional_writes,
)
from local.emulator.stream_poller import StreamPoller
from local.emulator.turns import Turns

MINISTACK_VERSION = "1.5.33"

# Seconds that a function may take to start before it is killed and started a second time. AWS
# allows 10 s; a busy laptop may need longer.
INIT_TIMEOUT_S = 60.0

# Seconds to wait for a function's log lines after its answer: for the first line, for another one,
# at most.
LOG_WAITS_S = (0.005, 0.002, 0.1)

# Seconds that an invocation waits for its turn while as many functions as may are at work. AWS
# would start another execution environment; the HTTP API there gives up after 30 s.
TURN_S = 25.0
RETRY_AFTER_S = "1"

# Seconds between two looks at the queues when a function that was at its limit has become free.
WAKE_GAP_S = 0.002


@dataclass(frozen=True)
class Patch:
    """One change.

    Attributes:
        name: names its test.
        why: what the emulator does without it.
        apply: makes the change; it cannot be undone.
    """

    name: str
    why: str
    apply: Callable[[], None]


def require_known_ministack() -> None:
    """Exit unless ministack is the patches' version, or `EMULATOR=newest` is to be tried."""
    found = importlib.metadata.version("ministack")
    if found != MINISTACK_VERSION and os.environ.get("EMULATOR") != "newest":
        raise SystemExit(
            f"The local stack is made for ministack {MINISTACK_VERSION}, but {found} is installed. "
            "Install the pinned requirements again (make setup)."
        )


def answer_at_once() -> None:
    """Switch off Nagle's algorithm on the Lambda Runtime API."""
    socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def wait_less_for_log_lines() -> None:
    """Wait `LOG_WAITS_S` for log lines, and not at all where there are none."""
    lambda_runtime.Worker._drain_stderr_bounded = drain_quickly(
        lambda_runtime.Worker._drain_stderr_bounded, LOG_WAITS_S
    )


def allow_slow_starts() -> None:
    """Let a function take `INIT_TIMEOUT_S` to start."""
    lambda_runtime._PROVIDED_INIT_TIMEOUT = INIT_TIMEOUT_S


def take_turns() -> None:
    """Let invocations wait for a free slot, but those that were asked for by the API's `Invoke`.

    So functions invoke each other, and they keep their slots meanwhile.
    """
    # Every call that runs at the same time is a process of its own, so there need not be many more
    # than cores.
    turns = Turns(
        lambda_svc._acquire_execution_slot,
        lambda_svc._release_execution_slot,
        at_most=max(4, 2 * (os.cpu_count() or 1)),
        patience_s=TURN_S,
    )
    invoke, by_invoke = lambda_svc._invoke, ContextVar("by Invoke", default=False)

    async def invoke_at_once(*arguments: Any, **options: Any) -> Any:
        token = by_invoke.set(True)
        try:
            return await invoke(*arguments, **options)
        finally:
            by_invoke.reset(token)

    lambda_svc._invoke = invoke_at_once
    lambda_svc._acquire_execution_slot = lambda function, config: turns.acquire(
        function, config, waits=not by_invoke.get()
    )
    lambda_svc._release_execution_slot = turns.release


def send_retry_after() -> None:
    """Add the header `Retry-After` to answers that refuse an invocation."""
    answer_of = lambda_svc.lambda_execute_result_to_api_proxy_response

    def with_retry_after(result: dict[str, Any]) -> tuple[dict[str, Any] | None, str | None]:
        answer, log = answer_of(result)
        if answer and result.get("throttle"):
            answer["headers"]["Retry-After"] = RETRY_AFTER_S
        return answer, log

    lambda_svc.lambda_execute_result_to_api_proxy_response = with_retry_after


def retry_failed_stream_records() -> None:
    """Treat a batch of stream records with `batchItemFailures` as one that failed.

    AWS sends such a batch again from the first failed record on; this sends it again whole.
    """
    poll, execute = lambda_svc._poll_dynamodb_streams, lambda_svc._execute_function
    this_thread = threading.local()

    def execute_and_look(*arguments: Any, **options: Any) -> dict[str, Any]:
        result: dict[str, Any] = execute(*arguments, **options)
        body = result.get("body")
        if isinstance(body, str | bytes):
            body = json.loads(body or "null")
        if getattr(this_thread, "polls", False) and body and body.get("batchItemFailures"):
            return {**result, "error": True, "body": {"errorMessage": "batchItemFailures"}}
        return result

    def poll_and_retry() -> bool:
        this_thread.polls = True
        try:
            return bool(poll())
        finally:
            this_thread.polls = False

    lambda_svc._execute_function = execute_and_look
    lambda_svc._poll_dynamodb_streams = poll_and_retry


def poll_streams_apart() -> None:
    """Read streams in a thread of their own; to be applied after `retry_failed_stream_records`."""
    poller, ensure = StreamPoller(lambda_svc._poll_dynamodb_streams), lambda_svc._ensure_poller

    def ensure_both() -> None:
        poller.ensure()
        ensure()

    lambda_svc._poll_dynamodb_streams = lambda: False
    lambda_svc._ensure_poller = ensure_both


def poll_queues_at_once() -> None:
    """Give a function its next message as soon as it has done the last one."""
    lambda_svc._ESM_IDLE_WAKE_GAP_SECONDS = WAKE_GAP_S


def filter_absent_fields() -> None:
    """Let a pattern of a stream say that a field within an absent field does not exist.

    Source: AWS Lambda Developer Guide, "Control which events Lambda sends to your function".
    """
    match = lambda_svc._match_esm_filter

    def match_absent(record: dict[str, Any], pattern: dict[str, Any]) -> bool:
        absent: dict[str, Any] = {
            name: {} for name, inner in pattern.items() if isinstance(inner, dict)
        }
        found: bool = match(absent | record, pattern)
        return found

    lambda_svc._match_esm_filter = match_absent


PATCHES = (
    Patch("nagle", "Each small answer to a function is held back by 40 ms.", answer_at_once),
    Patch("log_waits", "A function that logs nothing answers 50 ms late.", wait_less_for_log_lines),
    Patch(
        "slow_starts",
        "A function that needs more than 10 s to start, on a busy laptop, is started twice.",
        allow_slow_starts,
    ),
    Patch(
        "turns",
        "An invocation beyond the account's concurrency is refused, where AWS starts another "
        "execution environment.",
        take_turns,
    ),
    Patch(
        "retry_after",
        "A refused invocation does not say when to try again.",
        send_retry_after,
    ),
    Patch(
        "queries",
        "A query for the newest of 2000 results takes 200 ms, in which the emulator does nothing "
        "else.",
        query_quickly,
    ),
    Patch(
        "stream_failures",
        "Stream records that a function reports as failed (ReportBatchItemFailures) are lost.",
        retry_failed_stream_records,
    ),
    Patch(
        "streams_apart",
        "A function that works on a stream's batch holds up all queues.",
        poll_streams_apart,
    ),
    Patch(
        "wake_gap",
        "A function that works on as many messages as it may gets the next one after a pause.",
        poll_queues_at_once,
    ),
    Patch(
        "batch_projections",
        "A role that may read the keys of a table alone may not do so with BatchGetItem.",
        see_batch_projections,
    ),
    Patch(
        "conditional_writes",
        "A policy that asks for conditional writes refuses them all.",
        see_conditional_writes,
    ),
    Patch(
        "absent_fields",
        "A stream's filter that wants a field not to exist matches nothing where its parent does "
        "not exist either.",
        filter_absent_fields,
    ),
    Patch(
        "version_bodies",
        "Each object of a versioned bucket stays in memory, though it is on the disk.",
        forget_bodies_of_versions,
    ),
)
