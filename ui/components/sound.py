"""What a recording looks like: its waveform and the log-mel spectrogram that the model is given.

Both use the decoding and front end of classify (`earshot.audio`), so the picture shows what the
model was given.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from earshot.audio.clip import Clip
from earshot.audio.log_mel import HOP_SAMPLES, LOG_OFFSET, MEL_BANDS, frame_blocks

MAX_COLUMNS = 1200  # about the pixels of a wide page

# Dark to bright in even steps, also without color: anchors of matplotlib's `magma`.
_ANCHORS = np.array(
    [(0, 0, 4), (28, 16, 68), (79, 18, 123), (129, 37, 129), (181, 54, 122), (229, 80, 100),
     (251, 135, 97), (254, 194, 135), (252, 253, 191)], float,
)  # fmt: skip

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class SoundPicture:
    """A recording in columns of equal time, few enough to be drawn.

    Attributes:
        duration_s: of the recording.
        low, high: ``(columns,)`` extremes of the 16 kHz waveform at full scale.
        log_mel: ``(columns, 64)``, of several frames the loudest; no columns if the clip is
            shorter than one frame.
    """

    duration_s: float
    low: Floats
    high: Floats
    log_mel: Floats


def sound_picture(file: BinaryIO) -> SoundPicture:
    """Picture of a recording, in memory that does not grow with it.

    Raises:
        RejectedClipError: the file cannot be decoded.
    """
    low, high, mel = (_Columns(merge) for merge in (np.minimum, np.maximum, np.maximum))

    def watched(blocks: Iterable[Floats]) -> Iterator[Floats]:
        rest = np.empty(0, np.float32)
        for block in blocks:
            samples = np.concatenate([rest, block])
            whole = len(samples) // HOP_SAMPLES * HOP_SAMPLES
            hops, rest = samples[:whole].reshape(-1, HOP_SAMPLES), samples[whole:]
            low.add(hops.min(axis=1, initial=1)[:, None])
            high.add(hops.max(axis=1, initial=-1)[:, None])
            yield block

    with Clip(file) as clip:
        for frames in frame_blocks(watched(clip.waveform_blocks())):
            mel.add(frames)
        return SoundPicture(
            clip.duration_s, low.columns()[:, 0], high.columns()[:, 0], mel.columns()
        )


class _Columns:
    """Rows that come one after another, merged so that there are never many more than wanted.

    Whenever there are twice `MAX_COLUMNS`, neighbors become one. To merge is to take an extreme,
    so a row may count twice without harm.
    """

    def __init__(self, merge: np.ufunc) -> None:
        self._merge = merge
        self._rows_each = 1
        self._columns: list[Floats] = []
        self._n = 0
        self._rest: list[Floats] = []  # rows, too few for a column

    def add(self, rows: Floats) -> None:
        columns, rest = self._merged(np.concatenate([*self._rest, rows]), self._rows_each)
        self._columns.append(columns)
        self._n += len(columns)
        self._rest = [rest]
        while self._n >= 2 * MAX_COLUMNS:
            columns, odd = self._merged(np.concatenate(self._columns), 2)
            self._columns, self._n = [columns], len(columns)
            self._rest.insert(0, np.repeat(odd, self._rows_each, axis=0))
            self._rows_each *= 2

    def columns(self) -> Floats:
        """All, at most `MAX_COLUMNS`."""
        everything = np.concatenate([*self._columns, self._all_merged(self._rest)])
        columns, odd = self._merged(everything, max(1, -(-len(everything) // MAX_COLUMNS)))
        return np.concatenate([columns, self._all_merged([odd])])

    def _merged(self, rows: Floats, n: int) -> tuple[Floats, Floats]:
        """Every `n` rows as one, and the rows that are left over."""
        n_whole = len(rows) // n
        groups = rows[: n_whole * n].reshape(n_whole, n, rows.shape[1])
        return self._merge.reduce(groups, axis=1), rows[n_whole * n :]

    def _all_merged(self, parts: list[Floats]) -> Floats:
        rows = np.concatenate(parts)
        return self._merge.reduce(rows, axis=0, keepdims=True) if len(rows) else rows


def spectrogram_image(log_mel: Floats) -> Image.Image:
    """The spectrogram as a picture: time to the right, high bands above."""
    floor = np.log(LOG_OFFSET)
    top = max(float(log_mel.max(initial=floor)), floor + 1)
    level = np.clip((log_mel.T[::-1] - floor) / (top - floor), 0, 1)
    places = np.linspace(0, 1, len(_ANCHORS))
    rgb = np.stack([np.interp(level, places, channel) for channel in _ANCHORS.T], axis=-1)
    pixels = rgb.round().astype(np.uint8).reshape(MEL_BANDS, -1, 3)
    return Image.fromarray(pixels if pixels.shape[1] else np.zeros((MEL_BANDS, 1, 3), np.uint8))
