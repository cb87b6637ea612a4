"""What a function wrote is waited for, and nothing is not."""

from __future__ import annotations

import queue
import subprocess
import sys
from types import SimpleNamespace

from local.emulator.log_lines import logged_nothing


def test_output_that_was_not_read_is_something_and_silence_is_nothing() -> None:
    script = "import sys; sys.stdin.readline(); print('a line', flush=True); sys.stdin.readline()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        worker = SimpleNamespace(_proc=process, _stderr_queue=queue.Queue())
        assert logged_nothing(worker)
        process.stdin.write(b"\n")
        process.stdin.flush()
        while logged_nothing(worker):  # until it has written
            pass
        worker._stderr_queue.put(process.stdout.readline().decode())
        assert not logged_nothing(worker), "read, and in the queue"
        worker._stderr_queue.get()
        assert logged_nothing(worker)
        process.stdin.close()


def test_a_worker_without_a_process_is_waited_for() -> None:
    assert not logged_nothing(SimpleNamespace(_proc=None, _stderr_queue=queue.Queue()))
