"""Record with ffmpeg: whatever it reads becomes 16 kHz mono, as signed 16-bit samples."""

from __future__ import annotations

import contextlib
import os
import queue
import re
import shutil
import subprocess  # nosec B404 # ffmpeg alone is run
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import IO

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.errors import EarshotError
from earshot_client.listen.inputs import Input, without_password

# A camera needs some seconds to answer and to be understood.
PATIENCE_S = 20.0
_READ_BYTES = 16_384
_QUEUED = 240  # reads; two minutes of sound, should the disk stand still
_KILL_AFTER_S = 5.0
_ADDRESS = re.compile(r" @ 0x[0-9a-f]+")
# What ffmpeg prints about a cause, and what that means.
_MEANINGS = {
    "matches no streams": "it has no sound: switch on the camera's microphone",
    "does not contain any stream": "it has no sound: switch on the camera's microphone",
    "401 Unauthorized": "it refuses user name or password",
    "cannot open audio device": "there is no such microphone; arecord -L lists those that are",
    "Input/output error": "it broke off",
    "Invalid data found": "it sends nothing that ffmpeg can decode",
}


class CaptureError(EarshotError):
    """The stream cannot be opened or broke off; the message gives ffmpeg's reason."""


class MissingFfmpegError(EarshotError):
    """ffmpeg is not installed; no waiting helps."""


class Capture:
    """One run of ffmpeg on an input.

    Args:
        wanted: what to record.
        patience_s: seconds without sound after which an endless input counts as broken off.

    Raises:
        MissingFfmpegError: there is none.
    """

    def __init__(self, wanted: Input, patience_s: float = PATIENCE_S) -> None:
        program = shutil.which("ffmpeg")
        if program is None:
            raise MissingFfmpegError(
                "ffmpeg is missing. On Debian or Ubuntu: sudo apt install ffmpeg; on macOS: brew "
                "install ffmpeg."
            )
        self._input = wanted
        self._patience_s = patience_s
        self._remarks: deque[str] = deque(maxlen=20)
        self._chunks: queue.Queue[tuple[bytes, float] | None] = queue.Queue(_QUEUED)
        self._stopped = False
        reads_ours = "pipe:0" in wanted.arguments
        self._process = subprocess.Popen(  # noqa: S603 # nosec B603 # a list of arguments, no shell
            [
                *(program, "-hide_banner", "-loglevel", "error"),
                *(() if reads_ours else ("-nostdin",)),
                *wanted.arguments,
                *("-map", "0:a:0", "-vn", "-ac", "1", "-ar", str(SAMPLE_RATE)),
                *("-f", "s16le", "-flush_packets", "1", "pipe:1"),
            ],
            stdin=None if reads_ours else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for us, and we end ffmpeg
        )
        self._threads = [
            threading.Thread(target=self._read_sound, args=(self._process.stdout,), daemon=True),
            threading.Thread(target=self._read_remarks, args=(self._process.stderr,), daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def chunks(self) -> Iterator[tuple[bytes, float]]:
        """Sound as it arrives, with the time of `time.monotonic` at which it did.

        A piece is empty where none has arrived for long from an input that is not endless.

        Raises:
            CaptureError: it broke off; or an endless input ended or fell silent.
        """
        n_bytes = 0
        while (chunk := self._next()) is not None:
            n_bytes += len(chunk[0])
            yield chunk
        status = self._process.wait()
        for thread in self._threads:
            thread.join()
        if self._stopped:
            return
        if self._input.endless or status or not n_bytes:
            raise CaptureError(self._reason(n_bytes))

    def stop(self) -> None:
        """End the recording; `chunks` gives what is left of it."""
        self._stopped = True
        self._process.terminate()

    def close(self) -> None:
        """End ffmpeg, however it is."""
        self._process.terminate()
        try:
            self._process.wait(_KILL_AFTER_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        with contextlib.suppress(queue.Empty):
            while True:  # the reader may wait for room
                self._chunks.get_nowait()
        for thread in self._threads:
            thread.join(_KILL_AFTER_S)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe:
                pipe.close()

    def _next(self) -> tuple[bytes, float] | None:
        try:
            return self._chunks.get(timeout=self._patience_s)
        except queue.Empty:
            if not self._input.endless:  # it cannot be opened again, so it is waited for
                return b"", time.monotonic()
            self._process.kill()
            raise CaptureError(f"it has sent no sound for {self._patience_s:.0f} s") from None

    def _read_sound(self, pipe: IO[bytes]) -> None:
        held = b""
        with contextlib.suppress(OSError, ValueError):  # closed meanwhile
            while read := os.read(pipe.fileno(), _READ_BYTES):
                now = time.monotonic()
                held += read
                whole = len(held) // 2 * 2
                self._chunks.put((held[:whole], now))
                held = held[whole:]
        self._chunks.put(None)

    def _read_remarks(self, pipe: IO[bytes]) -> None:
        with contextlib.suppress(OSError, ValueError):
            for line in pipe:
                # Addresses in memory tell nobody anything, and differ each time.
                text = _ADDRESS.sub("", line.decode(errors="replace").strip())
                self._remarks.append(without_password(text))

    def _reason(self, n_bytes: int) -> str:
        said = [line for line in self._remarks if line]
        for sign, meaning in _MEANINGS.items():
            if any(sign in line for line in said):
                return f"{meaning} ({said[-1]})"
        if said:
            return said[-1]
        return "it ended" if n_bytes else "it ended without any sound"
