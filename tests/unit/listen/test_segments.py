"""A stream is cut so that each sample is in a segment, and each segment has its own time."""

from __future__ import annotations

import io
import wave
from datetime import timedelta

import numpy as np
import pytest

from earshot_client.listen.clock import RecordingClock
from earshot_client.listen.segments import Segment, Segmenter
from tests.unit.listen.sounds import START


def cut(n_samples: int, piece: int, segment_s: float = 2, hop_s: float = 1.5) -> list[Segment]:
    ramp = np.arange(n_samples).astype("<i2")
    pcm = ramp.tobytes()
    segmenter = Segmenter(RecordingClock(START), segment_s, hop_s)
    found = []
    for first in range(0, len(pcm), piece):
        found += list(segmenter.add(pcm[first : first + piece]))
    last = segmenter.end()
    return [*found, last] if last else found


@pytest.mark.parametrize("piece", [2, 6402, 16384, 10**7])
def test_segments_overlap_and_cover_everything_whatever_the_pieces(piece):
    n = 16000 * 7 if piece > 2 else 16000 * 4
    segments = cut(n, piece)
    assert [s.start - START for s in segments] == [
        timedelta(seconds=1.5 * i) for i in range(len(segments))
    ]
    for i, segment in enumerate(segments):
        expected = np.arange(24000 * i, min(24000 * i + 32000, n)).astype(np.int16)
        assert (segment.samples == expected).all()
    assert 24000 * (len(segments) - 1) + len(segments[-1].samples) == n


def test_a_tail_that_is_shorter_than_a_patch_is_no_segment():
    assert len(cut(32000 + 7999, 4000)) == 1, "with the overlap it is not a second long"
    assert len(cut(32000 + 8000, 4000)) == 2
    assert len(cut(32000, 4000)) == 1, "nothing of it is new"
    assert [len(s.samples) for s in cut(16000, 4000)] == [16000]
    assert cut(15999, 4000) == []
    assert cut(0, 4000) == []


def test_without_overlap_nothing_is_in_two_segments():
    segments = cut(16000 * 6, 5000, segment_s=2, hop_s=2)
    assert [len(s.samples) for s in segments] == [32000] * 3


def test_a_segment_is_a_wav_of_16_khz():
    (segment, *_) = cut(32000, 32000)
    with wave.open(io.BytesIO(segment.to_wav())) as file:
        assert file.getparams()[:4] == (1, 2, 16000, 32000)
        assert (np.frombuffer(file.readframes(32000), "<i2") == segment.samples).all()
