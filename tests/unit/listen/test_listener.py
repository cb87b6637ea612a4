"""A clock that jumps and a disk that is full, while ffmpeg records: said in words, and gone on."""

from __future__ import annotations

import errno
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from earshot_client.listen.capture import MissingFfmpegError
from earshot_client.listen.inputs import input_of
from earshot_client.listen.listener import Listener, Options
from earshot_client.listen.spool import Spool
from tests.stack import wait_for

pytestmark = pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")

NOISE = "lavfi:anoisesrc=amplitude=0.1"
HOUR_S = 3600.0


def test_without_ffmpeg_it_ends_and_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    sender: Any = None
    with Spool(tmp_path, 10**9) as spool:
        listener = Listener(input_of(NOISE), Options(), spool, sender, None, print)
        with pytest.raises(MissingFfmpegError, match="apt install ffmpeg"):
            listener.run()


def test_a_microphone_that_is_not_there_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = threading.Semaphore(0)
    said: list[str] = []

    def no_wait(_failures: int, _longest: float) -> float:
        tries.release()
        return 0.01

    monkeypatch.setattr("earshot_client.listen.listener.wait_s", no_wait)
    sender: Any = None
    with Spool(tmp_path, 10**9) as spool:
        missing = replace(input_of("http://127.0.0.1:1/stream"), endless=True)
        listener = Listener(missing, Options(), spool, sender, None, said.append)
        thread = threading.Thread(target=listener.run)
        thread.start()
        try:
            assert all(tries.acquire(timeout=60) for _ in range(3))
        finally:
            listener.stop()
            thread.join()
    assert len(said) == 1
    assert said[0].endswith("; trying again")
    assert " 0x" not in said[0]


class Running:
    """A listener in a thread, with a clock that can be set."""

    def __init__(self, spool: Spool, folder: Path) -> None:
        self.ahead_s = 0.0
        self.said: list[str] = []
        self.folder = folder
        sender: Any = None
        self._listener = Listener(
            input_of(NOISE),
            Options(segment_s=1.0, hop_s=0.5, report_s=60.0),
            spool,
            sender,
            None,
            self.said.append,
            now=lambda: time.time() + self.ahead_s,
        )
        self._thread = threading.Thread(target=self._listener.run)
        self._thread.start()

    def starts(self) -> list[datetime]:
        """When the segments in the spool were recorded."""
        names = sorted(path.stem for path in self.folder.glob("*.wav"))
        return [datetime.strptime(n, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC) for n in names]

    def stop(self) -> None:
        self._listener.stop()
        self._thread.join(20)
        assert not self._thread.is_alive()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[], Running]]:
    with Spool(tmp_path, 10**9) as spool:
        running: list[Running] = []

        def start() -> Running:
            running.append(Running(spool, tmp_path))
            return running[-1]

        yield start
        for one in running:
            one.stop()


@pytest.mark.parametrize("jump_s", [HOUR_S, -HOUR_S])
def test_a_clock_that_jumps_is_said_and_times_follow_it(
    run: Callable[[], Running], jump_s: float
) -> None:
    listening = run()
    wait_for(lambda: len(listening.starts()) >= 2, 30)
    listening.ahead_s = jump_s
    words = f"the clock of this machine was set by {jump_s:+.1f} s"
    wait_for(lambda: any(text.startswith(words) for text in listening.said), 30)
    known = len(listening.starts())
    wait_for(lambda: len(listening.starts()) >= known + 2, 30)
    newest = max(listening.starts()) if jump_s > 0 else min(listening.starts())
    assert abs((newest - datetime.now(UTC)).total_seconds() - jump_s) < 60


def test_a_full_disk_is_said_and_recording_goes_on_once_there_is_room(
    run: Callable[[], Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr(Spool, "_write", full)
        listening = run()
        wait_for(lambda: len(listening.said) >= 3, 30)
        assert listening.said[1].startswith("a segment cannot be kept: No space left on device: ")
        assert listening.said[2] == "the spool is full; 1 segments were dropped in all"
        assert listening.starts() == []
    wait_for(lambda: len(listening.starts()) >= 2, 30)
