"""Cut a stream into segments that overlap."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from earshot.audio.log_mel import SAMPLE_RATE
from earshot.times import whole_milliseconds
from earshot_client.listen.clock import Clock
from earshot_client.listen.level import Samples

# What is shorter is not worth a segment of its own; a patch is 0.96 s.
SHORTEST_S = 1.0


@dataclass(frozen=True)
class Segment:
    """A stretch of a stream.

    Attributes:
        samples: ``(n,)`` int16, mono, at 16 kHz.
        start: when the first of them was recorded, in whole milliseconds.
    """

    samples: Samples
    start: datetime

    def to_wav(self) -> bytes:
        """The segment as a WAV file."""
        file = io.BytesIO()
        with wave.open(file, "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(SAMPLE_RATE)
            out.writeframes(self.samples.astype("<i2").tobytes())
        return file.getvalue()


class Segmenter:
    """Cuts one connection to a stream into segments.

    Segments overlap so that a sound at the end of one is whole in the next. The last one may be
    shorter.

    Args:
        clock: of the stream.
        segment_s: seconds of a segment.
        hop_s: seconds from the start of a segment to that of the next; at most `segment_s`.
    """

    def __init__(self, clock: Clock, segment_s: float, hop_s: float) -> None:
        self._clock = clock
        self._size = round(segment_s * SAMPLE_RATE)
        self._hop = round(hop_s * SAMPLE_RATE)
        self._held = bytearray()
        self._first = 0  # number of the first sample held
        self.remarks: list[str] = []  # of the clock, for the caller to take

    def add(self, pcm: bytes) -> Iterator[Segment]:
        """Segments that are complete with these bytes of signed 16-bit samples."""
        self._held += pcm
        while len(self._held) >= 2 * self._size:
            yield self._cut(self._size)
            del self._held[: 2 * self._hop]
            self._first += self._hop

    def end(self) -> Segment | None:
        """What is left of the stream and in no segment yet, if it is long enough."""
        n_held = len(self._held) // 2
        known = self._size - self._hop if self._first else 0
        if n_held <= known or n_held < SHORTEST_S * SAMPLE_RATE:
            return None
        return self._cut(n_held)

    def _cut(self, n_samples: int) -> Segment:
        self.remarks += self._clock.settle()
        samples = np.frombuffer(bytes(self._held[: 2 * n_samples]), "<i2").astype(np.int16)
        return Segment(samples, whole_milliseconds(self._clock.time_of(self._first)))
